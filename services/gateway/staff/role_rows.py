"""SQL of the roles that programs have besides the ten. One statement a function."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.gateway.staff.model import Role, Roles
from shared.db.transaction import Row, Tx
from shared.ids import text_id


async def list_roles(tx: Tx, program_id: int | None) -> Roles:
    """The own roles of a program, or of all, by name."""
    rows = await tx.fetch(
        """
        select o.*, p.public_id from own_role o join program p on p.program_id = o.program_id
        where $1::integer is null or o.program_id = $1 order by o.program_id, o.name
        """,
        program_id,
    )
    return _by_role(rows)


async def load_roles(tx: Tx, roles: Iterable[str]) -> Roles:
    """Own roles among some, which nobody changes or removes until the commit."""
    rows = await tx.fetch(
        """
        select o.*, p.public_id from own_role o join program p on p.program_id = o.program_id
        where o.role = any($1::text[]) order by o.role for share of o
        """,
        sorted(roles),
    )
    return _by_role(rows)


async def lock_role(tx: Tx, program_id: int, role: str) -> Role | None:
    """An own role of a program, which nobody gives or changes until the commit."""
    row = await tx.fetch_one(
        """
        select o.*, p.public_id from own_role o join program p on p.program_id = o.program_id
        where o.program_id = $1 and o.role = $2 for update of o
        """,
        program_id,
        role,
    )
    return None if row is None else role_of(row)


async def put_role(tx: Tx, program_id: int, key: str, role: Role) -> bool:
    """Write an own role; whether no other has its name."""
    put = await tx.execute(
        """
        insert into own_role (program_id, role, name, permissions, contact, private, mfa)
        select $1, $2, $3, $4, $5, $6, $7
        where not exists (
          select from own_role where program_id = $1 and lower(name) = lower($3) and role <> $2)
        on conflict (program_id, role) do update set name = excluded.name,
          permissions = excluded.permissions, contact = excluded.contact,
          private = excluded.private, mfa = excluded.mfa
        """,
        program_id,
        key,
        role.name,
        sorted(role.permissions),
        role.contact,
        role.private,
        role.mfa,
    )
    return put == 1


async def count_roles(tx: Tx, program_id: int) -> int:
    """How many own roles a program has."""
    row = await tx.fetch_one("select count(*) from own_role where program_id = $1", program_id)
    return int(row[0]) if row else 0


async def is_held(tx: Tx, program_id: int, role: str) -> bool:
    """Whether somebody holds an own role."""
    row = await tx.fetch_one(
        "select from staff_role where program_id = $1 and role = $2 limit 1",
        program_id,
        role,
    )
    return row is not None


async def remove_role(tx: Tx, program_id: int, role: str) -> None:
    """Delete an own role."""
    await tx.execute("delete from own_role where program_id = $1 and role = $2", program_id, role)


def role_of(row: Row | Mapping[str, Any]) -> Role:
    """A row with its program's public id as a value."""
    return Role(
        permissions=frozenset(row["permissions"]),
        contact=row["contact"],
        private=row["private"],
        mfa=row["mfa"],
        program=text_id("prg", row["public_id"]),
        name=row["name"],
    )


def _by_role(rows: Sequence[Row]) -> Roles:
    return {row["role"]: role_of(row) for row in rows}
