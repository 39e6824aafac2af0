"""Exports of what is held about a member."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_3"
down_revision = "20261128_2"

TABLES = """
create table access_export (
  program_id integer not null,
  export_id uuid not null,
  member_id uuid not null,
  requested_by text not null,
  reason text not null,
  requested_at timestamptz not null,
  expires_at timestamptz not null,
  state text not null,
  link_hash bytea not null,
  due_at timestamptz not null,
  attempts integer not null,
  why text,
  constraint access_export_pkey primary key (program_id, export_id)
);
create index access_export_due_idx on access_export (due_at) where state = 'gathering';
create index access_export_id_idx on access_export (export_id);
"""


def upgrade() -> None:
    """Add the table."""
    run_script(op.get_bind(), TABLES)
