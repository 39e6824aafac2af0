"""The mechanism's tables, customers, members, links, tiers."""

from alembic import op

from shared.db.mechanism import INBOX_MONTHS_1, TABLES_1
from shared.db.migrate import run_script

revision = "20261122_1"
down_revision = None

TABLES = """
create table customer (
  program_id integer not null,
  customer_id uuid not null,
  store_id uuid,
  first_seen timestamptz,
  last_seen timestamptz,
  constraint customer_pkey primary key (program_id, customer_id)
) with (fillfactor = 80);
create table identity (
  program_id integer not null,
  kind text collate "C" not null,
  hash text collate "C" not null,
  customer_id uuid not null,
  verified_at timestamptz,
  constraint identity_pkey primary key (program_id, kind, hash, customer_id)
);
create index identity_customer_idx on identity (program_id, customer_id);
create table member (
  program_id integer not null,
  member_id uuid not null,
  number text,
  status text not null,
  route text not null,
  effective_from timestamptz not null,
  joined_store uuid not null,
  person_key text,
  terms text not null,
  version bigint not null,
  constraint member_pkey primary key (program_id, member_id)
);
create table membership (
  program_id integer not null,
  member_id uuid not null,
  spell smallint not null,
  from_at timestamptz not null,
  until_at timestamptz,
  end_reason text,
  constraint membership_pkey primary key (program_id, member_id, spell)
);
create table link (
  program_id integer not null,
  customer_id uuid not null,
  member_id uuid not null,
  method text not null,
  qualifies_from timestamptz not null,
  earns_from timestamptz not null,
  revision bigint not null,
  ended_at timestamptz,
  constraint link_pkey primary key (program_id, customer_id, member_id)
);
create index link_member_idx on link (program_id, member_id);
create table order_seen (
  program_id integer not null,
  order_id uuid not null,
  customer_id uuid,
  store_id uuid not null,
  completed_at timestamptz,
  completed_last_at timestamptz,
  cancelled_at timestamptz,
  currency text,
  amount_minor bigint not null,
  constraint order_seen_pkey primary key (program_id, order_id)
);
create index order_seen_customer_idx on order_seen (program_id, customer_id, completed_at);
create table refund_seen (
  program_id integer not null,
  refund_id uuid not null,
  order_id uuid,
  customer_id uuid,
  at timestamptz not null,
  goods_minor bigint not null,
  whole boolean not null,
  constraint refund_seen_pkey primary key (program_id, refund_id)
);
create index refund_seen_order_idx on refund_seen (program_id, order_id);
create table tier_fact (
  program_id integer not null,
  member_id uuid not null,
  fact_key uuid not null,
  kind text not null,
  at timestamptz not null,
  order_id uuid not null,
  order_at timestamptz not null,
  amount bigint not null,
  orders smallint not null,
  constraint tier_fact_pkey primary key (program_id, member_id, fact_key)
);
create index tier_fact_order_idx on tier_fact (program_id, order_id);
create table tier_standing (
  program_id integer not null,
  member_id uuid not null,
  ladder text collate "C" not null,
  start_at timestamptz not null,
  amount bigint not null,
  orders bigint not null,
  tier text not null,
  pinned bigint not null,
  last_at timestamptz not null,
  last_rank smallint not null,
  last_key uuid,
  revision bigint not null,
  reached text not null,
  constraint tier_standing_pkey primary key (program_id, member_id, ladder)
) with (fillfactor = 80);
create table tier_segment (
  program_id integer not null,
  member_id uuid not null,
  ladder text collate "C" not null,
  revision bigint not null,
  no smallint not null,
  from_at timestamptz not null,
  tier text not null,
  rank smallint not null,
  pay_bp bigint not null,
  phase text not null,
  cause_kind text not null,
  cause_id text,
  version bigint not null,
  superseded_by bigint,
  constraint tier_segment_pkey primary key (program_id, member_id, ladder, revision, no)
);
"""


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    run_script(connection, TABLES_1)
    run_script(connection, INBOX_MONTHS_1.format(schema="members"))
    run_script(connection, TABLES)
