"""Staff: accounts, roles, sessions, links, recovery codes, approvals; who made a key."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_11"
down_revision = "20261127_10"

TABLES = """
create table staff (
  staff_id uuid not null,
  email text collate "C" not null,
  name text not null,
  locale text not null,
  status text not null,
  password_hash text,
  mfa_secret bytea,
  mfa_offered bytea,
  mfa_step bigint,
  created_at timestamptz not null,
  constraint staff_pkey primary key (staff_id),
  constraint staff_email_key unique (email)
);
create table staff_role (
  program_id integer not null,
  staff_id uuid not null,
  role text collate "C" not null,
  stores text[] not null,
  constraint staff_role_pkey primary key (program_id, staff_id, role)
);
create index staff_role_staff_idx on staff_role (staff_id);
create table staff_session (
  session_id uuid not null,
  staff_id uuid not null,
  token_hash bytea not null,
  began_at timestamptz not null,
  seen_at timestamptz not null,
  stepped_up_at timestamptz,
  network text,
  agent text not null,
  constraint staff_session_pkey primary key (session_id),
  constraint staff_session_staff_id_fkey foreign key (staff_id) references staff (staff_id)
);
create unique index staff_session_token_idx on staff_session (token_hash);
create index staff_session_staff_idx on staff_session (staff_id);
create table staff_link (
  token_hash bytea not null,
  staff_id uuid,
  expires_at timestamptz not null,
  constraint staff_link_pkey primary key (token_hash),
  constraint staff_link_staff_id_fkey foreign key (staff_id) references staff (staff_id)
);
create table recovery_code (
  staff_id uuid not null,
  code_hash text collate "C" not null,
  constraint recovery_code_pkey primary key (staff_id, code_hash),
  constraint recovery_code_staff_id_fkey foreign key (staff_id) references staff (staff_id)
);
create table login_tries (
  subject text collate "C" not null,
  at timestamptz[] not null,
  failures integer not null,
  failed_at timestamptz,
  constraint login_tries_pkey primary key (subject)
);
create table approval (
  program_id integer not null,
  approval_id uuid not null,
  kind text not null,
  target text not null,
  body bytea not null,
  state text not null,
  proposed_by text not null,
  proposed_at timestamptz not null,
  decided_by text,
  decided_at timestamptz,
  reason text,
  constraint approval_pkey primary key (program_id, approval_id)
);
create index approval_id_idx on approval (approval_id);
alter table api_key add column made_by text;
"""


def upgrade() -> None:
    """Add the tables."""
    run_script(op.get_bind(), TABLES)
