"""The roles of programs' own, as who manages staff makes and changes them.

Each change is one transaction, its deed in the same. The ten that every program has stay.
"""

from typing import Any, Final

from msgspec.structs import replace

from services.gateway.deeds import Deeds
from services.gateway.staff import role_rows, session_rows, store
from services.gateway.staff.decide import Manager
from services.gateway.staff.model import Role, Roles
from services.gateway.staff.rules.roles import ROLES, own_role
from services.gateway.staff.schemas import ChangeRole, NewRole
from services.gateway.staff.sessions import WAIT_SECONDS
from shared.audit.deeds import Actor
from shared.db.engine import Database
from shared.db.locks import lock_key
from shared.db.transaction import Tx, statements, transaction
from shared.errors import HttpProblem
from shared.http.reading import known_id
from shared.ids import text_id, uuid_of
from shared.random_ids import uuid7
from shared.sealing import KeyRing

MOST: Final = 50
"""Own roles of a program."""


class OwnRoles:
    """Makes, changes and removes roles."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._deeds = Deeds(keys)

    async def list(self, by: Manager) -> Roles:
        """The own roles where the manager is. Raises 404 for a program that is not there."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            number = None if by.program is None else await _number(tx, by.program)
            return await role_rows.list_roles(tx, number)

    async def add(self, by: Manager, actor: Actor, wanted: NewRole) -> tuple[str, Role]:
        """A new role of the manager's program: its text id, and itself.

        Raises 403 for what the manager does not have, 404, 409 `role-exists`, `too-many-roles`.
        """
        program = _program(by)
        values = wanted.model_dump()
        role = _shaped(Role(frozenset(), program=program), values)
        _expect(by, role)
        key = text_id("rol", uuid7(actor.at))
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            number = await _one_at_a_time(tx, program)
            if await role_rows.count_roles(tx, number) >= MOST:
                raise HttpProblem(409, "too-many-roles", f"A program has {MOST} own roles at most.")
            await _put(tx, number, key, role)
            await self._deeds.add(tx, actor, "roles.create", key, program, values)
        return key, role

    async def change(self, by: Manager, actor: Actor, key: str, wanted: ChangeRole) -> Role:
        """A role with what is wanted of it; who holds it is signed out everywhere.

        Raises 403 for what the manager does not have, before or after; 404; 409 `role-built-in`,
        `role-exists`.
        """
        program = _program(by)
        values = wanted.model_dump(exclude_unset=True)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            number = await _one_at_a_time(tx, program)
            known = await _locked(tx, number, key)
            changed = _shaped(known, values)
            _expect(by, known, changed)
            if changed != known:
                await _put(tx, number, key, changed)
                await self._deeds.add(tx, actor, "roles.change", key, program, values)
            if replace(changed, name=known.name) != known:
                await session_rows.end_sessions_of_role(tx, key)
        return changed

    async def remove(self, by: Manager, actor: Actor, key: str) -> None:
        """Remove a role. Raises 404; 409 `role-built-in`, `role-in-use`."""
        program = _program(by)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            number = await _one_at_a_time(tx, program)
            await _locked(tx, number, key)
            if await role_rows.is_held(tx, number, key):
                raise HttpProblem(409, "role-in-use", "Somebody holds it: give them another first.")
            await role_rows.remove_role(tx, number, key)
            await self._deeds.add(tx, actor, "roles.remove", key, program)


def _program(by: Manager) -> str:
    assert by.program is not None, "own roles are of a program"
    return by.program


def _shaped(known: Role, values: dict[str, Any]) -> Role:
    """A role with some values of a request."""
    news = dict(values)
    if "permissions" in news:
        news["permissions"] = frozenset(news["permissions"])
    news |= news.pop("fields", {})
    return own_role(replace(known, **news))


def _expect(by: Manager, *roles: Role) -> None:
    refused = by.lacks(roles)
    if refused is not None:
        raise HttpProblem(refused.status, refused.code, refused.detail)


async def _number(tx: Tx, program: str) -> int:
    known = await store.programs_by_id(tx, [uuid_of(program)])
    if program not in known:
        raise HttpProblem(404, "not-found", "No such program.")
    return known[program]


async def _one_at_a_time(tx: Tx, program: str) -> int:
    """The program's number; nobody else changes its roles until the commit."""
    await store.one_at_a_time(tx, lock_key(f"own roles\0{program}"))
    return await _number(tx, program)


async def _locked(tx: Tx, number: int, key: str) -> Role:
    if key in ROLES:
        raise HttpProblem(409, "role-built-in", "The ten roles of every program stay as they are.")
    known_id("rol", key, "role")
    known = await role_rows.lock_role(tx, number, key)
    if known is None:
        raise HttpProblem(404, "not-found", "No such role.")
    return known


async def _put(tx: Tx, number: int, key: str, role: Role) -> None:
    if not await role_rows.put_role(tx, number, key, role):
        raise HttpProblem(409, "role-exists", "Another role of the program has this name.")
