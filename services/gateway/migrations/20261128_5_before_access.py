"""Roles of programs' own; what became of what was approved; whom providers vouch for."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_5"
down_revision = "20261128_4"

TABLES = """
create table own_role (
  program_id integer not null,
  role text collate "C" not null,
  name text collate "C" not null,
  permissions text[] not null,
  contact text not null,
  private text not null,
  mfa boolean not null,
  constraint own_role_pkey primary key (program_id, role),
  constraint own_role_program_id_name_key unique (program_id, name)
);
create table staff_identity (
  issuer text collate "C" not null,
  subject text collate "C" not null,
  staff_id uuid not null,
  by_group boolean not null,
  constraint staff_identity_pkey primary key (issuer, subject),
  constraint staff_identity_issuer_staff_id_key unique (issuer, staff_id),
  constraint staff_identity_staff_id_fkey foreign key (staff_id) references staff (staff_id)
);
alter table staff_session add column federated text;
alter table approval add column performed_at timestamptz;
alter table approval add column outcome text;
update approval set performed_at = decided_at, outcome = 'done' where state = 'approved';
create index approval_unperformed_idx on approval (decided_at)
  where state = 'approved' and performed_at is null;
"""


def upgrade() -> None:
    """Add them; what was approved so far was done at once."""
    run_script(op.get_bind(), TABLES)
