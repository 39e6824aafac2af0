"""Outgoing webhooks: endpoints with their secrets, messages with their attempts."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_4"
down_revision = "20261127_3"

TABLES = """
create table endpoint (
  program_id integer not null,
  endpoint_id uuid not null,
  url text not null,
  name text not null,
  types text[] not null,
  ordered boolean not null,
  state text not null,
  reason text,
  version bigint not null,
  created_at timestamptz not null,
  failures integer not null,
  failing_since timestamptz,
  quiet_until timestamptz,
  constraint endpoint_pkey primary key (program_id, endpoint_id)
);
create table endpoint_secret (
  program_id integer not null,
  endpoint_id uuid not null,
  secret_id uuid not null,
  signature text not null,
  sealed bytea not null,
  not_before timestamptz not null,
  not_after timestamptz,
  constraint endpoint_secret_pkey primary key (program_id, endpoint_id, secret_id)
);
create table message (
  program_id integer not null,
  message_id uuid not null,
  endpoint_id uuid not null,
  event_id uuid not null,
  type text not null,
  subject text not null,
  body bytea not null,
  place bigint generated always as identity,
  state smallint not null,
  step integer not null,
  attempts integer not null,
  created_at timestamptz not null,
  due_at timestamptz not null,
  claimed_until timestamptz,
  constraint message_pkey primary key (program_id, message_id)
);
create index message_list_idx on message (program_id, endpoint_id, message_id);
create index message_due_idx on message (program_id, endpoint_id, due_at) where state = 0;
create index message_turn_idx on message (program_id, endpoint_id, subject, place)
  where state = 0;
create index message_claimed_idx on message (program_id, endpoint_id)
  where claimed_until is not null;
create table attempt (
  program_id integer not null,
  message_id uuid not null,
  number integer not null,
  at timestamptz not null,
  status integer,
  error text,
  took_ms integer not null,
  answer bytea not null,
  constraint attempt_pkey primary key (program_id, message_id, number),
  constraint attempt_program_id_message_id_fkey foreign key (program_id, message_id)
    references message (program_id, message_id) on delete cascade
);
"""


def upgrade() -> None:
    """Add the tables."""
    run_script(op.get_bind(), TABLES)
