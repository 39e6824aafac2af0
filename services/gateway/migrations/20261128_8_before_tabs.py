"""Member tabs on shops' pages."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_8"
down_revision = "20261128_7"

TABLES = """
create table member_tab (
  program_id integer not null,
  state text not null,
  submitted_by text,
  submitted_at timestamptz,
  review_at timestamptz,
  decided_at timestamptz,
  reasons jsonb not null,
  rejected_to text,
  constraint member_tab_pkey primary key (program_id)
);
create index member_tab_due_idx on member_tab (review_at) where state = 'submitted';
"""


def upgrade() -> None:
    """Add the table."""
    run_script(op.get_bind(), TABLES)
