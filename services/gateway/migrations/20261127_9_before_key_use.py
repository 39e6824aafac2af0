"""When an API key was last used; which key it was rotated from."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_9"
down_revision = "20261127_8"

COLUMNS = """
alter table api_key add column last_used_at timestamptz;
alter table api_key add column rotated_from uuid;
"""


def upgrade() -> None:
    """Add the columns."""
    run_script(op.get_bind(), COLUMNS)
