"""Pictures of member centres."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_4"
down_revision = "20261128_3"

TABLES = """
create table picture (
  program_id integer not null,
  file text collate "C" not null,
  use text not null,
  body bytea not null,
  used_at timestamptz not null,
  constraint picture_pkey primary key (program_id, file)
);
alter table picture alter column body set storage external;
"""


def upgrade() -> None:
    """Add them."""
    run_script(op.get_bind(), TABLES)
