"""The mechanism's tables, campaigns, what they react to, coupons."""

from alembic import op

from shared.db.mechanism import INBOX_MONTHS_1, TABLES_1
from shared.db.migrate import run_script

revision = "20261122_1"
down_revision = None

TABLES = """
create table campaign (
  program_id integer not null,
  campaign_id uuid not null,
  kind text not null,
  name text not null,
  state smallint not null,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  version bigint not null,
  revision bigint not null,
  moves bigint not null,
  saved_at timestamptz not null,
  constraint campaign_pkey primary key (program_id, campaign_id)
);
create index campaign_window_idx on campaign (program_id, ends_at, starts_at);
create table campaign_version (
  program_id integer not null,
  campaign_id uuid not null,
  version bigint not null,
  body jsonb not null,
  author text not null,
  at timestamptz not null,
  constraint campaign_version_pkey primary key (program_id, campaign_id, version)
);
create table campaign_move (
  program_id integer not null,
  campaign_id uuid not null,
  no bigint not null,
  state smallint not null,
  at timestamptz not null,
  author text not null,
  reason text,
  constraint campaign_move_pkey primary key (program_id, campaign_id, no)
);
create table customer_view (
  program_id integer not null,
  customer_id uuid not null,
  links bytea not null,
  constraint customer_view_pkey primary key (program_id, customer_id)
) with (fillfactor = 80);
create table member_view (
  program_id integer not null,
  member_id uuid not null,
  effective_from timestamptz,
  constraint member_view_pkey primary key (program_id, member_id)
) with (fillfactor = 80);
create index member_view_effective_idx on member_view (program_id, effective_from);
create table order_fact (
  program_id integer not null,
  order_id uuid not null,
  customer_id uuid,
  currency text,
  paid_at timestamptz,
  completed_at timestamptz,
  completed_last_at timestamptz,
  cancelled_at timestamptz,
  body bytea not null,
  constraint order_fact_pkey primary key (program_id, order_id)
) with (fillfactor = 80);
create index order_fact_completed_idx on order_fact (program_id, completed_at);
create table refund_fact (
  program_id integer not null,
  refund_id uuid not null,
  order_id uuid not null,
  at timestamptz not null,
  body bytea not null,
  constraint refund_fact_pkey primary key (program_id, refund_id)
);
create index refund_fact_order_idx on refund_fact (program_id, order_id);
create table coupon_template (
  program_id integer not null,
  template_id uuid not null,
  campaign_id uuid not null,
  place smallint not null,
  body jsonb not null,
  constraint coupon_template_pkey primary key (program_id, template_id)
);
create unique index coupon_template_campaign_idx
  on coupon_template (program_id, campaign_id, place);
create table coupon (
  program_id integer not null,
  coupon_id uuid not null,
  state smallint not null,
  version bigint not null,
  template_id uuid,
  campaign_id uuid,
  channel smallint,
  source_id uuid,
  no smallint,
  customer_id uuid,
  holder_kind smallint,
  holder_id uuid,
  since timestamptz,
  owed_until timestamptz,
  valid_from timestamptz,
  valid_to timestamptz,
  revoked_at timestamptz,
  revoked_reason text,
  order_id uuid,
  hold_id uuid,
  held_until timestamptz,
  changed_at timestamptz,
  constraint coupon_pkey primary key (program_id, coupon_id),
  constraint coupon_issued_check check (state = 0 or num_nulls(template_id, campaign_id, channel,
    source_id, no, holder_kind, holder_id, since, valid_from, valid_to) = 0),
  constraint coupon_used_check check ((state = 3) = (order_id is not null))
) with (fillfactor = 80);
create index coupon_source_idx on coupon (program_id, source_id);
create index coupon_holder_idx on coupon (program_id, holder_id, coupon_id);
create index coupon_customer_idx on coupon (program_id, customer_id)
  where customer_id is not null;
create index coupon_due_idx on coupon (program_id, valid_to, coupon_id) where state = 1;
create table coupon_naming (
  program_id integer not null,
  coupon_id uuid not null,
  order_id uuid not null,
  at timestamptz not null,
  cancelled_at timestamptz,
  refunded_at timestamptz,
  over_use boolean not null,
  constraint coupon_naming_pkey primary key (program_id, coupon_id, order_id)
);
create index coupon_naming_order_idx on coupon_naming (program_id, order_id);
create table coupon_history (
  program_id integer not null,
  coupon_id uuid not null,
  no bigint not null,
  move smallint not null,
  state smallint not null,
  at timestamptz not null,
  recorded_at timestamptz not null default now(),
  holder_kind smallint not null,
  holder_id uuid not null,
  order_id uuid,
  reason text,
  note text,
  cause uuid not null,
  constraint coupon_history_pkey primary key (program_id, coupon_id, no)
);
create table stock (
  program_id integer not null,
  stock_id uuid not null,
  shard smallint not null,
  total bigint not null,
  taken bigint not null,
  constraint stock_pkey primary key (program_id, stock_id, shard),
  constraint stock_taken_check check (taken >= 0)
) with (fillfactor = 50);
create table quota (
  program_id integer not null,
  quota_id uuid not null,
  holder_id uuid not null,
  period text collate "C" not null,
  taken bigint not null,
  constraint quota_pkey primary key (program_id, quota_id, holder_id, period),
  constraint quota_taken_check check (taken >= 0)
) with (fillfactor = 80);
"""


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    run_script(connection, TABLES_1)
    run_script(connection, INBOX_MONTHS_1.format(schema="campaigns"))
    run_script(connection, TABLES)
