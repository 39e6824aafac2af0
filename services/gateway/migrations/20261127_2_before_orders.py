"""Remembered orders: whose they are, what waits for them, when they complete."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_2"
down_revision = "20261127_1"

TABLES = """
create table known_order (
  program_id integer not null,
  order_id uuid not null,
  customer_id text,
  first_at timestamptz not null,
  constraint known_order_pkey primary key (program_id, order_id)
);
create table pending_order (
  program_id integer not null,
  order_id uuid not null,
  due_at timestamptz not null,
  told_at timestamptz not null,
  total_minor bigint not null,
  refunds text not null,
  state smallint not null,
  event bytea not null,
  delivery_id uuid not null,
  constraint pending_order_pkey primary key (program_id, order_id)
);
create index pending_order_due_idx on pending_order (program_id, order_id) where state = 0;
create table waiting_event (
  program_id integer not null,
  event_id uuid not null,
  order_id uuid not null,
  state smallint not null,
  event bytea not null,
  delivery_id uuid not null,
  since timestamptz not null,
  constraint waiting_event_pkey primary key (program_id, event_id)
);
create index waiting_event_order_idx on waiting_event (program_id, order_id);
"""


def upgrade() -> None:
    """Add the tables."""
    run_script(op.get_bind(), TABLES)
