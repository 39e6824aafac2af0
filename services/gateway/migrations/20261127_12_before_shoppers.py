"""Shoppers: sessions, codes, tokens that were used, days they checked in; kinds of secrets."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_12"
down_revision = "20261127_11"

TABLES = """
create table shopper_session (
  program_id integer not null,
  session_id uuid not null,
  customer_id uuid not null,
  store_id uuid not null,
  person text,
  box text,
  token_hash bytea not null,
  began_at timestamptz not null,
  constraint shopper_session_pkey primary key (program_id, session_id)
);
create unique index shopper_session_token_idx on shopper_session (token_hash);
create index shopper_session_customer_idx on shopper_session (program_id, customer_id);
create table shopper_code (
  program_id integer not null,
  subject text collate "C" not null,
  sent timestamptz[] not null,
  code_hash bytea,
  expires_at timestamptz,
  tries integer not null,
  constraint shopper_code_pkey primary key (program_id, subject)
);
create table shopper_token (
  program_id integer not null,
  connection_id uuid not null,
  token_id text collate "C" not null,
  expires_at timestamptz not null,
  constraint shopper_token_pkey primary key (program_id, connection_id, token_id)
);
create table shopper_check_in (
  program_id integer not null,
  member_id uuid not null,
  day date not null,
  constraint shopper_check_in_pkey primary key (program_id, member_id, day)
);
alter table secret add column kind text not null default 'webhook';
alter table secret alter column kind drop default;
"""


def upgrade() -> None:
    """Add them; secrets that there are sign deliveries."""
    run_script(op.get_bind(), TABLES)
