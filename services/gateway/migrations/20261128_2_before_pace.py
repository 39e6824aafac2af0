"""When each connection may call its platform again, for all workers together."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_2"
down_revision = "20261128_1"

TABLES = """
create table pace (
  program_id integer not null,
  connection_id uuid not null,
  spent_until timestamptz not null,
  constraint pace_pkey primary key (program_id, connection_id)
);
"""


def upgrade() -> None:
    """Add the table."""
    run_script(op.get_bind(), TABLES)
