"""The mechanism's tables, the facts and the cells."""

from alembic import op

from shared.db.mechanism import INBOX_MONTHS_1, TABLES_1
from shared.db.migrate import run_script

revision = "20261122_1"
down_revision = None

TABLES = """
create table customer (
  program_id integer not null,
  customer_id uuid not null,
  member_id uuid,
  links bytea not null,
  follows_store uuid,
  favourite_at timestamptz,
  favourite_id uuid,
  constraint customer_pkey primary key (program_id, customer_id)
);
create index customer_member_idx on customer (program_id, member_id);
create index customer_follower_idx on customer (program_id, follows_store)
  where follows_store is not null;
create table member (
  program_id integer not null,
  member_id uuid not null,
  effective_from timestamptz,
  joined_day date,
  left_day date,
  store_id uuid,
  tags integer not null,
  tiers bytea not null,
  constraint member_pkey primary key (program_id, member_id)
) with (fillfactor = 80);
create index member_joined_idx on member (program_id, joined_day, left_day, store_id, tags);
create table fact_order (
  program_id integer not null,
  order_id uuid not null,
  status smallint not null,
  subject_id uuid,
  customer_id uuid,
  member_id uuid,
  store_id uuid,
  completed_at timestamptz,
  completed_last_at timestamptz,
  day date,
  hour smallint,
  currency text,
  goods_minor bigint not null,
  total_minor bigint not null,
  refunded_minor bigint not null,
  units bigint not null,
  points bigint not null,
  tier text,
  seq bigint,
  line_count integer not null,
  lines bytea not null,
  constraint fact_order_pkey primary key (program_id, order_id)
) with (fillfactor = 80);
create index fact_order_subject_idx
  on fact_order (program_id, subject_id, completed_at, order_id);
create index fact_order_member_idx on fact_order (program_id, member_id, completed_at);
create index fact_order_day_idx on fact_order (program_id, day, store_id, subject_id, seq);
create table fact_refund (
  program_id integer not null,
  refund_id uuid not null,
  kind smallint not null,
  order_id uuid,
  customer_id uuid,
  store_id uuid not null,
  at timestamptz not null,
  day date not null,
  hour smallint not null,
  currency text not null,
  amount_minor bigint not null,
  tier text,
  constraint fact_refund_pkey primary key (program_id, refund_id)
);
create index fact_refund_order_idx on fact_refund (program_id, order_id);
create index fact_refund_day_idx on fact_refund (program_id, day);
create table fact_points (
  program_id integer not null,
  entry_id uuid not null,
  member_id uuid not null,
  wallet text not null,
  kind smallint not null,
  account smallint not null,
  source_kind smallint not null,
  amount bigint not null,
  day date not null,
  order_id uuid,
  constraint fact_points_pkey primary key (program_id, entry_id)
);
create index fact_points_order_idx on fact_points (program_id, order_id);
create index fact_points_day_idx on fact_points (program_id, day);
create table fact_activity (
  program_id integer not null,
  activity_id uuid not null,
  kind smallint not null,
  customer_id uuid not null,
  subject_id uuid not null,
  member_id uuid,
  store_id uuid not null,
  object_kind smallint,
  object_id text,
  done boolean not null,
  at timestamptz not null,
  day date not null,
  hour smallint not null,
  constraint fact_activity_pkey primary key (program_id, activity_id)
);
create index fact_activity_subject_idx on fact_activity (program_id, subject_id, day);
create index fact_activity_day_idx on fact_activity (program_id, day, store_id, subject_id);
create table fact_coupon (
  program_id integer not null,
  coupon_id uuid not null,
  version bigint not null,
  revoked boolean not null,
  constraint fact_coupon_pkey primary key (program_id, coupon_id)
);
create table day_store (
  program_id integer not null,
  day date not null,
  store_id uuid not null,
  orders bigint not null,
  first_orders bigint not null,
  units bigint not null,
  gross_minor bigint not null,
  refunds_minor bigint not null,
  net_minor bigint not null,
  points bigint not null,
  constraint day_store_pkey primary key (program_id, day, store_id)
) with (fillfactor = 50);
create table day_hour (
  program_id integer not null,
  day date not null,
  store_id uuid not null,
  hour smallint not null,
  orders bigint not null,
  first_orders bigint not null,
  units bigint not null,
  gross_minor bigint not null,
  refunds_minor bigint not null,
  net_minor bigint not null,
  points bigint not null,
  constraint day_hour_pkey primary key (program_id, day, store_id, hour)
) with (fillfactor = 50);
create table day_tier (
  program_id integer not null,
  day date not null,
  store_id uuid not null,
  tier text collate "C" not null,
  orders bigint not null,
  first_orders bigint not null,
  units bigint not null,
  gross_minor bigint not null,
  refunds_minor bigint not null,
  net_minor bigint not null,
  points bigint not null,
  constraint day_tier_pkey primary key (program_id, day, store_id, tier)
) with (fillfactor = 50);
create table day_points (
  program_id integer not null,
  day date not null,
  wallet text collate "C" not null,
  kind smallint not null,
  account smallint not null,
  source_kind smallint not null,
  points bigint not null,
  constraint day_points_pkey primary key (program_id, day, wallet, kind, account, source_kind)
) with (fillfactor = 50);
create table progress (
  program_id integer not null,
  as_of timestamptz,
  drained_at timestamptz,
  lag_seconds bigint not null,
  constraint progress_pkey primary key (program_id)
) with (fillfactor = 50);
create table rfm_tie (
  program_id integer not null,
  subject_id uuid not null,
  tie_key bigint not null,
  constraint rfm_tie_pkey primary key (program_id, subject_id)
);
"""


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    run_script(connection, TABLES_1)
    run_script(connection, INBOX_MONTHS_1.format(schema="analytics"))
    run_script(connection, TABLES)
