"""Digests, parking, ended halts, retention of the inbox."""

from alembic import op

from shared.db.mechanism import FUNCTIONS_2, TABLES_2
from shared.db.migrate import run_script

revision = "20261127_1"
down_revision = "20261122_1"


def upgrade() -> None:
    """Add what is new of the mechanism."""
    connection = op.get_bind()
    run_script(connection, TABLES_2)
    run_script(connection, FUNCTIONS_2.format(schema="gateway"))
