"""Statistics of tables that were looked at before their first commit."""

from alembic import op

from shared.db.mechanism import FUNCTIONS_3
from shared.db.migrate import run_script

revision = "20261128_1"
down_revision = "20261127_12"


def upgrade() -> None:
    """Look at them again."""
    run_script(op.get_bind(), FUNCTIONS_3.format(schema="gateway"))
