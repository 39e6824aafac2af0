"""Until when a worker renews the token among credentials; the currency of a refund's order."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_6"
down_revision = "20261127_5"

COLUMNS = """
alter table credential add column renewing_until timestamptz;
alter table wanted add column currency text not null default '';
"""


def upgrade() -> None:
    """Add the columns."""
    run_script(op.get_bind(), COLUMNS)
