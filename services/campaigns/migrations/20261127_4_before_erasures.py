"""Members who were forgotten."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_4"
down_revision = "20261127_3"


def upgrade() -> None:
    """Note since when."""
    run_script(op.get_bind(), "alter table member_view add column erased_at timestamptz;")
