"""The mechanism's tables and the ledger."""

from alembic import op

from shared.db.mechanism import INBOX_MONTHS_1, TABLES_1
from shared.db.migrate import run_script

revision = "20261122_1"
down_revision = None

TABLES = """
create table customer (
  program_id integer not null,
  customer_id uuid not null,
  links bytea not null,
  constraint customer_pkey primary key (program_id, customer_id)
);
create table account (
  program_id integer not null,
  holder_id uuid not null,
  wallet smallint not null,
  balance bigint not null,
  open bigint not null,
  debt bigint not null,
  held bigint not null,
  pending bigint not null,
  version bigint not null,
  constraint account_pkey primary key (program_id, holder_id, wallet),
  constraint account_balance_check check (balance = open - debt),
  constraint account_held_check check (0 <= held and held <= open)
) with (fillfactor = 80);
create table entry (
  program_id integer not null,
  holder_id uuid not null,
  wallet smallint not null,
  version bigint not null,
  kind smallint not null,
  amount bigint not null,
  balance_after bigint not null,
  at timestamptz not null,
  posted_at timestamptz not null default now(),
  source_kind smallint not null,
  source_id uuid not null,
  order_id uuid,
  cause_event uuid not null,
  reason text,
  rule_version integer,
  constraint entry_pkey primary key (program_id, holder_id, wallet, version),
  constraint entry_program_id_source_kind_source_id_kind_key
    unique (program_id, source_kind, source_id, kind)
);
create table lot (
  program_id integer not null,
  lot_id uuid not null,
  holder_id uuid not null,
  wallet smallint not null,
  order_id uuid,
  granted bigint not null,
  drawn bigint not null,
  expired bigint not null,
  held bigint not null,
  open bigint not null,
  short bigint not null,
  state smallint not null,
  earned_at timestamptz not null,
  usable_from timestamptz not null,
  expires_at timestamptz,
  first_expires_at timestamptz,
  expiry_rule text not null,
  unit_cost_minor bigint not null,
  constraint lot_pkey primary key (program_id, lot_id),
  constraint lot_open_check check (open = greatest(held, granted - drawn)),
  constraint lot_short_check check (short = open - granted + drawn)
) with (fillfactor = 80);
create index lot_holder_idx
  on lot (program_id, holder_id, wallet, expires_at, earned_at, lot_id);
create index lot_due_idx on lot (program_id, expires_at, holder_id) where open > held;
create table allocation (
  program_id integer not null,
  holder_id uuid not null,
  wallet smallint not null,
  version bigint not null,
  part smallint not null,
  lot_id uuid,
  amount bigint not null,
  constraint allocation_pkey primary key (program_id, holder_id, wallet, version, part)
);
create table purchase (
  program_id integer not null,
  order_id uuid not null,
  order_no text not null,
  customer_id uuid,
  holder_id uuid,
  store_id uuid not null,
  status smallint not null,
  completed_at timestamptz,
  rule_version integer,
  tier text,
  refunded bigint not null,
  posted bigint not null,
  body bytea not null,
  constraint purchase_pkey primary key (program_id, order_id)
) with (fillfactor = 80);
create index purchase_holder_idx on purchase (program_id, holder_id, completed_at);
create index purchase_customer_idx on purchase (program_id, customer_id, completed_at);
create table refund (
  program_id integer not null,
  refund_id uuid not null,
  order_id uuid,
  customer_id uuid,
  at timestamptz not null,
  state smallint not null,
  clipped_minor bigint not null,
  body bytea not null,
  constraint refund_pkey primary key (program_id, refund_id)
);
create index refund_order_idx on refund (program_id, order_id);
create table activity_fact (
  program_id integer not null,
  customer_id uuid not null,
  rule smallint not null,
  once_key text collate "C" not null,
  holder_id uuid,
  at timestamptz not null,
  local_day date not null,
  cause_event uuid not null,
  points bigint not null,
  constraint activity_fact_pkey primary key (program_id, customer_id, rule, once_key)
);
create index activity_fact_holder_idx on activity_fact (program_id, holder_id, rule, once_key);
create table tier_span (
  program_id integer not null,
  holder_id uuid not null,
  revision bigint not null,
  no smallint not null,
  from_at timestamptz not null,
  tier text not null,
  rank smallint not null,
  superseded_by bigint,
  constraint tier_span_pkey primary key (program_id, holder_id, revision, no)
);
"""


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    run_script(connection, TABLES_1)
    run_script(connection, INBOX_MONTHS_1.format(schema="points"))
    run_script(connection, TABLES)
