"""What was done by whom."""

from alembic import op

from shared.db.mechanism import TABLES_3
from shared.db.migrate import run_script

revision = "20261127_2"
down_revision = "20261127_1"


def upgrade() -> None:
    """Add the audit log."""
    run_script(op.get_bind(), TABLES_3)
