"""What members agree to and take back, only ever added to."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_2"
down_revision = "20261128_1"

TABLES = """
create table consent (
  program_id integer not null,
  member_id uuid not null,
  purpose text collate "C" not null,
  at timestamptz not null,
  state text collate "C" not null,
  text_version text,
  channel text not null,
  evidence text,
  said_to text not null,
  constraint consent_pkey primary key (program_id, member_id, purpose, at, state)
);
"""


def upgrade() -> None:
    """Add the table."""
    run_script(op.get_bind(), TABLES)
