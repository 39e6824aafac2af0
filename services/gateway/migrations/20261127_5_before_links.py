"""Links of a store to pages of its storefront."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_5"
down_revision = "20261127_4"

TABLES = """
create table store_link (
  program_id integer not null,
  store_id uuid not null,
  links bytea not null,
  constraint store_link_pkey primary key (program_id, store_id)
);
"""


def upgrade() -> None:
    """Add the table."""
    run_script(op.get_bind(), TABLES)
