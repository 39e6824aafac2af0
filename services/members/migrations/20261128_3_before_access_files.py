"""Files of what is held about a member, under the member's key."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_3"
down_revision = "20261128_2"

TABLES = """
create table access_file (
  program_id integer not null,
  member_id uuid not null,
  export_id uuid not null,
  sealed bytea not null,
  kept_until timestamptz not null,
  constraint access_file_pkey primary key (program_id, member_id, export_id)
);
create index access_file_kept_idx on access_file (kept_until);
"""


def upgrade() -> None:
    """Add the table."""
    run_script(op.get_bind(), TABLES)
