"""Hashes under newer keys, and the ones that identities and ids follow from."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_4"
down_revision = "20261128_3"

TABLES = """
create table identity_origin (
  program_id integer not null,
  hash text collate "C" not null,
  origin text collate "C" not null,
  constraint identity_origin_pkey primary key (program_id, hash)
);
create index identity_origin_idx on identity_origin (program_id, origin);
"""


def upgrade() -> None:
    """Add the table."""
    run_script(op.get_bind(), TABLES)
