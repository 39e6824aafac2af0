"""Until when a worker renews the token among a connection's credentials, and no other does."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_6"
down_revision = "20261127_5"

COLUMN = "alter table credential add column renewing_until timestamptz;"


def upgrade() -> None:
    """Add the column."""
    run_script(op.get_bind(), COLUMN)
