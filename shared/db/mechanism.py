"""The tables that every service has, as their first migration makes them.

This text is frozen: a later change is a migration of its own. The declarations beside the functions
that use them (`positions.py`, `inbox.py` …) must agree with it; a test compares both.
"""

from typing import Final

TABLES_1: Final = """
create table program (
  program_id integer generated always as identity,
  public_id uuid not null,
  name text not null,
  time_zone text not null,
  currency text not null,
  default_region text not null,
  locale text not null,
  status text not null,
  version bigint not null,
  constraint program_pkey primary key (program_id),
  constraint program_public_id_key unique (public_id)
);
create table store (
  program_id integer not null,
  store_id uuid not null,
  kind text not null,
  name text not null,
  parent uuid,
  region text not null,
  status text not null,
  version bigint not null,
  constraint store_pkey primary key (program_id, store_id),
  constraint store_program_id_fkey foreign key (program_id) references program (program_id)
);
create table consumer_offset (
  topic text collate "C" not null,
  partition smallint not null,
  epoch bigint not null,
  claim_id uuid not null,
  worker text not null,
  first_offset bigint not null,
  next_offset bigint not null,
  last_digest bytea,
  applied bigint not null default 0,
  ignored bigint not null default 0,
  refused bigint not null default 0,
  duplicate bigint not null default 0,
  conflict bigint not null default 0,
  quarantined bigint not null default 0,
  parked bigint not null default 0,
  state smallint not null,
  halt_reason text,
  constraint consumer_offset_pkey primary key (topic, partition),
  constraint consumer_offset_counters_check check (next_offset - first_offset =
    applied + ignored + refused + duplicate + conflict + quarantined + parked)
) with (fillfactor = 50);
create table inbox (
  event_id uuid not null,
  digest bigint not null,
  constraint inbox_pkey primary key (event_id)
) partition by range (event_id);
create table outbox (
  id bigint generated always as identity (cache 1),
  topic text not null,
  ids uuid[] not null,
  keys text[] not null,
  payloads bytea[] not null,
  created_at timestamptz not null,
  constraint outbox_pkey primary key (id)
);
alter table outbox alter column payloads set storage external;
create table quarantine (
  quarantine_id uuid not null,
  topic text collate "C" not null,
  partition smallint not null,
  "offset" bigint not null,
  program text,
  event_id uuid,
  class text not null,
  reason text not null,
  bytes bytea not null,
  attempts smallint not null default 1,
  state smallint not null,
  closed_because text,
  created_at timestamptz not null,
  constraint quarantine_pkey primary key (quarantine_id),
  constraint quarantine_topic_partition_offset_key unique (topic, partition, "offset")
);
create index quarantine_open_idx on quarantine (topic, partition, "offset") where state = 0;
create table command (
  program_id integer not null,
  caller text collate "C" not null,
  key text collate "C" not null,
  command_id uuid not null,
  request_hash bytea not null,
  name text not null,
  facts bytea not null,
  status smallint not null,
  body bytea not null,
  created_at timestamptz not null,
  constraint command_pkey primary key (program_id, caller, key),
  constraint command_program_id_command_id_key unique (program_id, command_id)
);
create index command_program_id_created_at_idx on command (program_id, created_at);
create table sweep (
  program_id integer not null,
  kind text collate "C" not null,
  day date not null,
  boundary timestamptz not null,
  state smallint not null,
  cursor text,
  touched bigint not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  constraint sweep_pkey primary key (program_id, kind, day)
);
create index sweep_unfinished_idx on sweep (program_id, kind, day) where state <> 2;
create table settings (
  program_id integer not null,
  document text collate "C" not null,
  version bigint not null,
  state smallint not null,
  revision bigint not null,
  effective_from timestamptz,
  body jsonb not null,
  author text not null,
  saved_at timestamptz not null,
  published_at timestamptz,
  constraint settings_pkey primary key (program_id, document, version)
);
create unique index settings_one_draft_idx on settings (program_id, document) where state = 0;
"""
"""First form of the mechanism's tables."""

INBOX_MONTHS_1: Final = """
create function inbox_prepare(present timestamptz) returns integer
language plpgsql security definer set search_path = {schema}, pg_temp as $body$
declare
  first constant timestamptz := date_trunc('month', present, 'UTC') - interval '24 months';
  last constant timestamptz := date_trunc('month', present, 'UTC') + interval '3 months';
  month timestamptz;
  made integer := 0;
begin
  if to_regclass('inbox_past') is null then
    execute format('create table inbox_past partition of inbox for values from (minvalue) to (%L)',
                   inbox_bound(first));
    made := made + 1;
  end if;
  month := coalesce(
    (select (max(substring(relname from 7)) || '01')::date::timestamp at time zone 'UTC'
              + interval '1 month'
     from pg_class join pg_inherits on oid = inhrelid
     where inhparent = 'inbox'::regclass and relname ~ '^inbox_[0-9]{{6}}$'), first);
  while month <= last loop
    execute format('create table inbox_%s partition of inbox for values from (%L) to (%L)',
      to_char(month at time zone 'UTC', 'YYYYMM'), inbox_bound(month),
      inbox_bound(month + interval '1 month'));
    made := made + 1;
    month := month + interval '1 month';
  end loop;
  return made;
end $body$;
create function inbox_bound(month timestamptz) returns uuid language sql immutable as $body$
  select (lpad(to_hex((extract(epoch from month) * 1000)::bigint), 12, '0')
          || '00000000000000000000')::uuid
$body$;
select inbox_prepare(now());
create function analyze_grown() returns integer
language plpgsql security definer set search_path = {schema}, pg_temp as $body$
declare
  grown text;
  analyzed integer := 0;
begin
  for grown in
    select relname from pg_class
    where relnamespace = '{schema}'::regnamespace and relkind = 'r'
      and pg_stat_get_mod_since_analyze(oid) > 100 + greatest(reltuples, 0)
    order by relname
  loop
    execute format('analyze %I', grown);
    analyzed := analyzed + 1;
  end loop;
  return analyzed;
end $body$;
"""
"""Functions that need a table's owner.

`inbox_prepare`: partitions of the inbox, all before 24 months ago in one, then a month each, three
ahead. `analyze_grown`: statistics of the tables that have doubled since the last ones.
"""

TABLES_2: Final = """
alter table outbox add column digests bigint[];
alter table consumer_offset add column accept_until bigint;
alter table quarantine add column asked_by text;
alter table quarantine add column closed_by text;
alter table quarantine add column closed_at timestamptz;
create index quarantine_program_idx on quarantine (program, topic, partition, "offset");
create index quarantine_asked_idx on quarantine (topic, partition, "offset")
  where state = 0 and asked_by is not null;
create table parked (
  program_id integer not null,
  topic text collate "C" not null,
  since timestamptz not null,
  lifted_by text,
  constraint parked_pkey primary key (program_id, topic)
);
create table resumption (
  resumption_id uuid not null,
  topic text collate "C" not null,
  partition smallint,
  program text,
  reason text not null,
  from_offset bigint,
  to_offset bigint,
  because text not null,
  by_whom text not null,
  at timestamptz not null,
  constraint resumption_pkey primary key (resumption_id)
);
create table inbox_month (
  name text collate "C" not null,
  size bigint not null,
  took_on date not null,
  constraint inbox_month_pkey primary key (name)
);
create table verification (
  invariant text collate "C" not null,
  violations bigint not null,
  at timestamptz not null,
  constraint verification_pkey primary key (invariant)
);
create table journal (
  no bigint generated always as identity (cache 1),
  kind smallint not null,
  what jsonb not null,
  at timestamptz not null,
  constraint journal_pkey primary key (no)
);
insert into journal (kind, what, at)
  select 6, '{}', now() where exists (select from consumer_offset where next_offset > first_offset);
"""
"""Digests beside outgoing events; who decides on records set aside; programs set aside for a topic;
how halts and parkings were ended; when the months of the inbox last grew; what was last verified;
in which order everything was done, and whether something was before.
"""

_ANALYZE_GROWN: Final = """
create or replace function analyze_grown() returns integer
language plpgsql security definer set search_path = {{schema}}, pg_temp
set default_statistics_target = 10 as $body$
declare
  grown text;
  analyzed integer := 0;
begin
  if not pg_try_advisory_xact_lock(hashtext('{{schema}} analyze_grown')) then
    return 0;
  end if;
  for grown in
    select relname from pg_class
    where relnamespace = '{{schema}}'::regnamespace and relkind = 'r'
      and ({due})
    order by relname
  loop
    execute format('analyze %I', grown);
    analyzed := analyzed + 1;
  end loop;
  return analyzed;
end $body$;
"""
_LARGER: Final = "pg_relation_size(oid) > 4 * 8192 * greatest(relpages, 0)"

FUNCTIONS_2: Final = (
    _ANALYZE_GROWN.format(due=_LARGER)
    + """create function oldest_transaction_seconds() returns double precision
language sql security definer set search_path = {schema}, pg_temp as $body$
  select coalesce(extract(epoch from max(clock_timestamp() - xact_start)), 0)::float8
  from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
$body$;
create function inbox_forget(present timestamptz) returns integer
language plpgsql security definer set search_path = {schema}, pg_temp as $body$
declare
  month record;
  emptied integer := 0;
begin
  insert into inbox_month as mine (name, size, took_on)
    select relname, pg_relation_size(oid), present::date from pg_class
    join pg_inherits on oid = inhrelid
    where inhparent = 'inbox'::regclass and pg_relation_size(oid) > 0
    on conflict (name) do update set size = excluded.size, took_on = excluded.took_on
      where mine.size <> excluded.size;
  for month in
    select m.name from inbox_month m join pg_class c on c.relname = m.name
      and c.relnamespace = '{schema}'::regnamespace
    where m.took_on < present::date - 45
      and (m.name = 'inbox_past'
           or m.name < 'inbox_' || to_char(present at time zone 'UTC', 'YYYYMM'))
  loop
    execute format('truncate %I', month.name);
    delete from inbox_month where name = month.name;
    emptied := emptied + 1;
  end loop;
  return emptied;
end $body$;
"""
)
"""`analyze_grown` looks at sizes alone, which are known at once, and takes a small sample anew only
of a table that has become four times as large, however often its rows change: autovacuum takes a
large one later. Of several workers one does it.
`oldest_transaction_seconds` sees the sessions of every service, as the services' roles do not.
`inbox_forget` empties months that took no row for 45 days: what is retold later the tables know.
"""

TABLES_3: Final = """
create table audit_entry (
  entry_id uuid not null,
  at timestamptz not null,
  program text,
  actor_kind text not null,
  actor_id text not null,
  action text not null,
  target text not null,
  fields text[] not null,
  values_hmac bytea,
  reason text,
  ip_prefix text,
  request_id text,
  constraint audit_entry_pkey primary key (entry_id)
);
create table audit_todo (
  entry_id uuid not null,
  constraint audit_todo_pkey primary key (entry_id)
);
"""
"""What was done by whom, and which entries of it are not in the chain yet."""

TABLES_4: Final = """
create table audit_chain (
  seq bigint not null,
  entry_id uuid not null,
  hash bytea not null,
  constraint audit_chain_pkey primary key (seq),
  constraint audit_chain_entry_id_key unique (entry_id)
);
create index audit_entry_program_idx on audit_entry (program, entry_id);
create function audit_refuse() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $body$
begin
  raise exception '% of % is refused: the audit is only added to', tg_op, tg_table_name
    using errcode = 'insufficient_privilege';
end $body$;
create trigger audit_entry_kept before update or delete or truncate on audit_entry
  for each statement execute function audit_refuse();
create trigger audit_chain_kept before update or delete or truncate on audit_chain
  for each statement execute function audit_refuse();
alter table audit_entry enable always trigger audit_entry_kept;
alter table audit_chain enable always trigger audit_chain_kept;
"""
"""The chain over the entries. Nobody changes either, a superuser only by first removing a trigger.
"""

TABLES_5: Final = """
create table deletion (
  public_id uuid not null,
  began_at timestamptz not null,
  deleted bigint not null default 0,
  finished_at timestamptz,
  constraint deletion_pkey primary key (public_id)
);
create function program_forget(which integer, place text, most integer) returns integer
language plpgsql security definer set search_path = {schema}, pg_temp as $body$
declare
  gone integer;
begin
  if place = 'program'
     or not exists (select from program where program_id = which and status = 'deleted') then
    raise exception 'rows of program % in % are not to be deleted', which, place
      using errcode = 'insufficient_privilege';
  end if;
  execute format('delete from %1$I where ctid = any (array(
    select ctid from %1$I where program_id = $1 limit $2))', place) using which, most;
  get diagnostics gone = row_count;
  return gone;
end $body$;
"""
"""Which programs that left are being deleted here, and are.

`program_forget` deletes some of a program's rows, of append-only tables too, and of no program but
one that is `deleted`. What has no `program_id`, as the audit, it cannot delete.
"""

APPEND_ONLY_1: Final = ("inbox",)
APPEND_ONLY_2: Final = (*APPEND_ONLY_1, "resumption", "journal")
APPEND_ONLY_3: Final = (*APPEND_ONLY_2, "audit_entry")
APPEND_ONLY_4: Final = (*APPEND_ONLY_3, "audit_chain")
"""Tables of the mechanism that the application role may only insert into and read."""


def grants(schema: str, role: str, append_only: tuple[str, ...]) -> str:
    """SQL that lets the role use the schema's tables, and only add to the append-only ones.

    Runs at the end of every migration, so that new tables are covered too.
    """
    narrow = "\n".join(
        f"revoke update, delete, truncate on {schema}.{table} from {role};" for table in append_only
    )
    parts = f"""
    do $body$ declare part regclass; begin
      for part in select inhrelid::regclass from pg_inherits
        where inhparent in ({", ".join(f"'{schema}.{table}'::regclass" for table in append_only)})
      loop execute format('revoke update, delete, truncate on %s from {role}', part); end loop;
    end $body$;
    """
    return f"""
    revoke all on schema {schema} from public;
    grant usage on schema {schema} to {role};
    grant select, insert, update, delete on all tables in schema {schema} to {role};
    grant usage, select on all sequences in schema {schema} to {role};
    revoke execute on all functions in schema {schema} from public;
    grant execute on all functions in schema {schema} to {role};
    revoke insert, update, delete on {schema}.alembic_version from {role};
    {narrow}
    {parts}
    """


FUNCTIONS_3: Final = _ANALYZE_GROWN.format(
    due=f"{_LARGER}\n           or reltuples <= 0 and pg_stat_get_live_tuples(oid) > 0"
)
"""While a table's first rows are not committed, a look finds its pages and no row in them: it would
pass for empty, its plans for good enough, until it is four times as large. It is looked at again.
"""

FUNCTIONS_4: Final = _ANALYZE_GROWN.format(
    due="pg_relation_size(oid) > 4 * 8192::bigint * greatest(relpages, 0)"
    "\n           or reltuples <= 0 and pg_stat_get_live_tuples(oid) > 0"
)
"""The size of a table of half a gigabyte times four is beyond an integer of four bytes."""
