"""The digest of an event beside it."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_1"
down_revision = "20261122_1"


def upgrade() -> None:
    """Add the column; records that are there have none."""
    run_script(op.get_bind(), "alter table record add column digest bigint;")
