"""Programs that leave: until when they may come back, and which are being deleted here."""

from alembic import op

from shared.db.mechanism import TABLES_5
from shared.db.migrate import run_script

revision = "20261128_9"
down_revision = "20261128_8"

TABLES = """
create table departure (
  program_id integer not null,
  reason text not null,
  asked_by text not null,
  approved_by text,
  began_at timestamptz not null,
  ends_at timestamptz not null,
  constraint departure_pkey primary key (program_id)
);
create index departure_due_idx on departure (ends_at);
"""


def upgrade() -> None:
    """Add the tables and what deletes."""
    run_script(op.get_bind(), TABLES_5.format(schema="gateway"))
    run_script(op.get_bind(), TABLES)
