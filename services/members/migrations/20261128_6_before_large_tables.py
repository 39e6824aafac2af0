"""Statistics of young tables beside one larger than half a gigabyte."""

from alembic import op

from shared.db.mechanism import FUNCTIONS_4
from shared.db.migrate import run_script

revision = "20261128_6"
down_revision = "20261128_4"


def upgrade() -> None:
    """Reckon sizes in eight bytes."""
    run_script(op.get_bind(), FUNCTIONS_4.format(schema="members"))
