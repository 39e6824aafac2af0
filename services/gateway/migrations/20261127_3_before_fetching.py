"""Bodies of deliveries, what is to be fetched, credentials, replays, what is pulled."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_3"
down_revision = "20261127_2"

TABLES = """
alter table connection add column mode text not null default 'live';
alter table delivery add column digest bigint;
alter table delivery add column part integer not null default 0;
alter table delivery add column attempt integer not null default 1;
create index delivery_event_idx on delivery (program_id, event_id) where event_id is not null;
create index delivery_waiting_idx on delivery (delivery_id) where status = 'waiting';
create table body_key (
  program_id integer not null,
  day date not null,
  kept_days smallint not null,
  sealed bytea not null,
  constraint body_key_pkey primary key (program_id, day, kept_days)
);
create table delivery_body (
  program_id integer not null,
  delivery_id uuid not null,
  day date not null,
  kept_days smallint not null,
  block bytea not null,
  constraint delivery_body_pkey primary key (program_id, delivery_id)
);
create index delivery_body_day_idx on delivery_body (kept_days, day);
create table credential (
  program_id integer not null,
  connection_id uuid not null,
  sealed bytea not null,
  set_at timestamptz not null,
  expires_at timestamptz,
  trouble text,
  constraint credential_pkey primary key (program_id, connection_id)
);
create table wanted (
  program_id integer not null,
  connection_id uuid not null,
  kind text collate "C" not null,
  number text collate "C" not null,
  of_order text not null,
  version bigint not null,
  state smallint not null,
  due_at timestamptz not null,
  attempts integer not null,
  since timestamptz not null,
  delivery_id uuid not null,
  constraint wanted_pkey primary key (program_id, connection_id, kind, number)
);
create index wanted_due_idx on wanted (due_at) where state = 0;
create table replay (
  program_id integer not null,
  replay_id uuid not null,
  asked_at timestamptz not null,
  finished_at timestamptz,
  total integer not null,
  done integer not null,
  outcomes text not null,
  constraint replay_pkey primary key (program_id, replay_id)
);
create index replay_open_idx on replay (asked_at) where finished_at is null;
create table replay_item (
  program_id integer not null,
  replay_id uuid not null,
  delivery_id uuid not null,
  constraint replay_item_pkey primary key (program_id, replay_id, delivery_id)
);
create table pull (
  program_id integer not null,
  connection_id uuid not null,
  kind text collate "C" not null,
  due_at timestamptz not null,
  seen_until timestamptz not null,
  ran_at timestamptz,
  listed bigint not null,
  constraint pull_pkey primary key (program_id, connection_id, kind)
);
create index pull_due_idx on pull (due_at);
"""


def upgrade() -> None:
    """Add them."""
    run_script(op.get_bind(), TABLES)
