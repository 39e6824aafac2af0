"""The shop's team: positions and trainings."""

from alembic import op

from shared.db.migrate import run_script

revision = "20261128_7"
down_revision = "20261128_6"

TABLES = """
create table team_position (
  program_id integer not null,
  position_id uuid not null,
  title text not null,
  staff_id uuid,
  constraint team_position_pkey primary key (program_id, position_id)
);
create table training (
  program_id integer not null,
  training_id uuid not null,
  staff_id uuid not null,
  topic text not null,
  due_on date not null,
  passed_on date,
  constraint training_pkey primary key (program_id, training_id)
);
create index training_due_idx on training (program_id, due_on, training_id);
"""


def upgrade() -> None:
    """Add the tables."""
    run_script(op.get_bind(), TABLES)
