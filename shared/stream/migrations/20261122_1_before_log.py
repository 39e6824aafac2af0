"""The event log in PostgreSQL: topics, heads, records by topic and month."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261122_1"
down_revision = None

TABLES = """
create table topic (
  id smallint generated always as identity,
  name text not null,
  partitions smallint not null,
  retention_days integer not null,
  constraint topic_pkey primary key (id),
  constraint topic_name_key unique (name)
);
create table head (
  topic smallint not null,
  partition smallint not null,
  next_offset bigint not null default 0,
  start_offset bigint not null default 0,
  month integer not null default 0,
  constraint head_pkey primary key (topic, partition),
  constraint head_topic_fkey foreign key (topic) references topic (id)
) with (fillfactor = 10);
create table month (
  topic smallint not null,
  partition smallint not null,
  month integer not null,
  first_offset bigint not null,
  constraint month_pkey primary key (topic, partition, month)
);
create table record (
  topic smallint not null,
  month integer not null,
  partition smallint not null,
  "offset" bigint not null,
  key text not null,
  event_id uuid not null,
  value bytea not null,
  appended_at timestamptz not null,
  constraint record_pkey primary key (topic, month, partition, "offset")
) partition by range (topic, month);
create table progress (
  "group" text collate "C" not null,
  topic smallint not null,
  partition smallint not null,
  next_offset bigint not null,
  constraint progress_pkey primary key ("group", topic, partition)
);
create table worker (
  "group" text collate "C" not null,
  name text collate "C" not null,
  seen_at timestamptz not null,
  constraint worker_pkey primary key ("group", name)
);
"""


def upgrade() -> None:
    """Make the tables; records get one child table per topic and month as they arrive."""
    run_script(op.get_bind(), TABLES)
