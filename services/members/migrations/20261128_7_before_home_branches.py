"""The branch that looks after a member."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_7"
down_revision = "20261128_6"


def upgrade() -> None:
    """Add the column; members of before have no home branch."""
    run_script(op.get_bind(), "alter table member add column home_store uuid;")
