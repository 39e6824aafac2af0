"""The mechanism's tables, connections with their secrets, keys, deliveries."""

from alembic import op

from shared.db.mechanism import INBOX_MONTHS_1, TABLES_1
from shared.db.migrate import run_script

revision = "20261122_1"
down_revision = None

TABLES = """
create table program_key (
  program_id integer not null,
  identity_key bytea not null,
  constraint program_key_pkey primary key (program_id)
);
create table connection (
  program_id integer not null,
  connection_id uuid not null,
  store_id uuid not null,
  source text not null,
  state text not null,
  name text not null,
  version bigint not null,
  created_at timestamptz not null,
  constraint connection_pkey primary key (program_id, connection_id)
);
create index connection_id_idx on connection (connection_id);
create table secret (
  program_id integer not null,
  connection_id uuid not null,
  secret_id uuid not null,
  sealed bytea not null,
  not_before timestamptz not null,
  not_after timestamptz,
  last_used_at timestamptz,
  constraint secret_pkey primary key (program_id, connection_id, secret_id)
);
create table api_key (
  program_id integer not null,
  key_id uuid not null,
  name text not null,
  hash bytea not null,
  permissions text[] not null,
  stores text[] not null,
  cidrs text[] not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_at timestamptz not null,
  constraint api_key_pkey primary key (program_id, key_id)
);
create index api_key_hash_idx on api_key (hash);
create table delivery (
  program_id integer not null,
  delivery_id uuid not null,
  connection_id uuid not null,
  received_at timestamptz not null,
  source_id text not null,
  type text,
  status text not null,
  reason text,
  event_id uuid,
  content_hash bytea not null,
  secret_id text,
  took_ms integer not null,
  constraint delivery_pkey primary key (program_id, delivery_id)
);
"""


def upgrade() -> None:
    """Make everything."""
    connection = op.get_bind()
    run_script(connection, TABLES_1)
    run_script(connection, INBOX_MONTHS_1.format(schema="gateway"))
    run_script(connection, TABLES)
