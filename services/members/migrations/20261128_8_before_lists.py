"""Lists of members sorted by their joining, and narrowed to a tier or a branch."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_8"
down_revision = "20261128_7"

INDEXES = """
create index member_joined_idx on member (program_id, effective_from, member_id);
create index member_status_idx on member (program_id, status, effective_from, member_id);
create index member_home_idx on member (program_id, home_store, member_id)
  where home_store is not null;
create index tier_standing_tier_idx on tier_standing (program_id, ladder, tier, member_id);
"""


def upgrade() -> None:
    """Add what the lists are read by."""
    run_script(op.get_bind(), INDEXES)
