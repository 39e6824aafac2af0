"""Programs that leave: which are being deleted here."""

from alembic import op

from shared.db.mechanism import TABLES_5
from shared.db.migrate import run_script

revision = "20261128_9"
down_revision = "20261128_6"


def upgrade() -> None:
    """Add the table and what deletes."""
    run_script(op.get_bind(), TABLES_5.format(schema="campaigns"))
