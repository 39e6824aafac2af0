"""The audit's entries in a chain."""

from alembic import op

from shared.db.mechanism import TABLES_4
from shared.db.migrate import run_script

revision = "20261127_4"
down_revision = "20261127_3"


def upgrade() -> None:
    """Add the chain, and refuse every change of what is in it."""
    run_script(op.get_bind(), TABLES_4)
