"""What comparing with a shop found, by order; what each order came to."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_10"
down_revision = "20261127_9"

TABLES = """
alter table known_order add column total_minor bigint;
create table compared (
  program_id integer not null,
  connection_id uuid not null,
  order_id uuid not null,
  order_no text not null,
  day date not null,
  currency text not null,
  verdict text not null,
  shop_minor bigint not null,
  our_minor bigint,
  constraint compared_pkey primary key (program_id, connection_id, order_id)
);
insert into pull
select p.program_id, p.connection_id, 'week', now(), c.set_at, null, 0
from pull p join credential c using (program_id, connection_id) where p.kind = 'changes';
"""


def upgrade() -> None:
    """Add them; connections that are asked already are compared from when that began."""
    run_script(op.get_bind(), TABLES)
