"""Lots of a holder are looked for while something is left of them: closed ones leave the index."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_2"
down_revision = "20261127_1"

INDEXES = """
drop index lot_holder_idx;
create index lot_open_idx on lot (program_id, holder_id, wallet, expires_at, earned_at, lot_id)
  where open > 0;
"""


def upgrade() -> None:
    """Replace the index."""
    run_script(op.get_bind(), INDEXES)
