"""What is known of people, sealed; and their being forgotten."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261127_4"
down_revision = "20261127_3"

TABLES = """
alter table customer add column erased_at timestamptz;
create table contact_block (
  program_id integer not null,
  customer_id uuid not null,
  event_id uuid not null,
  at timestamptz not null,
  box text not null,
  constraint contact_block_pkey primary key (program_id, customer_id, event_id)
);
create table subject_key (
  program_id integer not null,
  subject_id uuid not null,
  key_id uuid not null,
  wrapped bytea not null,
  kek integer not null,
  constraint subject_key_pkey primary key (program_id, subject_id)
);
create table contact (
  program_id integer not null,
  customer_id uuid not null,
  sealed bytea not null,
  told_at timestamptz not null,
  constraint contact_pkey primary key (program_id, customer_id)
);
create index contact_told_idx on contact (told_at);
create table erasure (
  program_id integer not null,
  erasure_id uuid not null,
  member_id uuid not null,
  requested_by text not null,
  requested_at timestamptz not null,
  due_at timestamptz not null,
  state smallint not null,
  erased_at timestamptz,
  customers text not null,
  constraint erasure_pkey primary key (program_id, erasure_id)
);
create index erasure_member_idx on erasure (program_id, member_id);
create index erasure_due_idx on erasure (program_id, due_at) where state = 0;
"""


def upgrade() -> None:
    """Add the tables."""
    run_script(op.get_bind(), TABLES)
