"""Staff as they are made and changed: the first owner, invitations, roles, who is disabled.

Each is one transaction, its deed in the same.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from msgspec.structs import replace

from services.gateway.approvals.managing import Decider, propose
from services.gateway.approvals.model import Approval
from services.gateway.secrecy import digest, new_token
from services.gateway.staff import role_rows, session_rows, store
from services.gateway.staff.decide import Manager, change, give, handle
from services.gateway.staff.model import ALL_STORES, OWNER, Grant, Roles, Staff
from services.gateway.staff.rules.roles import ROLES, Holding, lacking, stores_of
from services.gateway.staff.schemas import AcceptInvitation, NewOwner
from services.gateway.staff.sessions import WAIT_SECONDS, Sessions
from services.gateway.staff.signing_in import SigningIn
from services.gateway.staff.visiting import acting
from services.gateway.visiting import Visit
from shared.audit.deeds import Actor, Deed, record
from shared.db.engine import Database
from shared.db.locks import lock_key
from shared.db.transaction import Tx, statements, transaction
from shared.errors import HttpProblem
from shared.ids import parse_id, text_id, uuid_of
from shared.outcome import Refused
from shared.random_ids import uuid7

OWNER_LINK: Final = timedelta(hours=24)
INVITATION: Final = timedelta(hours=72)
GRANT_OWNER: Final = "staff.grant-owner"
FIRST_RUN: Final = "/console/first-run#token="
INVITED: Final = "/console/invitation#token="
T = TypeVar("T")
_LOCK: Final = lock_key("first owner")


class Accounts:
    """Makes and changes staff."""

    def __init__(self, database: Database, sessions: Sessions, signing_in: SigningIn) -> None:
        self._database = database
        self._sessions = sessions
        self._signing_in = signing_in

    # The first owner.

    async def has_owner(self) -> bool:
        """Whether the installation has an owner."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            return await store.has_owner(tx)

    async def make_owner(self, wanted: NewOwner, visit: Visit) -> str:
        """The first owner, by the link that the start printed: a session's token.

        Raises 403 `owner-link-invalid`; 409 `staff-exists`; 422 with what is wrong with the
        password.
        """
        email = wanted.email.casefold()
        link = digest(wanted.token)
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            if await store.has_owner(tx) or not await store.is_link(tx, link, None, visit.at):
                raise await self._no_owner(visit)
        hashed = await self._signing_in.hashed(wanted.password, email)
        owner = Staff(
            staff_id=uuid7(visit.at),
            email=email,
            name=wanted.name,
            locale=wanted.locale,
            status="active",
            enrolled=False,
            accepted=True,
            created_at=visit.at,
            grants=(Grant(None, OWNER),),
        )
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await store.one_at_a_time(tx, _LOCK)
            first = not await store.has_owner(tx)
            if first and await store.spend_link(tx, link, None, visit.at):
                await _add(tx, owner, {}, hashed)
                deed = Deed("owners.create", text_id("stf", owner.staff_id))
                await record(tx, acting(visit, owner.staff_id), deed)
                return await self._sessions.open(tx, owner.staff_id, visit)
        raise await self._no_owner(visit)

    async def _no_owner(self, visit: Visit) -> HttpProblem:
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            deed = Deed("owners.refuse", "owner-link", reason="owner-link-invalid")
            await record(tx, acting(visit, None), deed)
        detail = "The link is wrong, too old or used up, or there is an owner already."
        return HttpProblem(403, "owner-link-invalid", detail)

    async def owner_link(self, actor: Actor) -> str | None:
        """Another token for the first owner, 24 hours good, instead of one before.

        None: there is an owner.
        """
        token, token_hash = new_token()
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await store.one_at_a_time(tx, _LOCK)
            if await store.has_owner(tx):
                return None
            await store.put_link(tx, token_hash, None, actor.at + OWNER_LINK)
            await record(tx, actor, Deed("owner-links.create", "owner-link"))
        return token

    # Invitations.

    async def invite(
        self, by: Manager, actor: Actor, wanted: Staff
    ) -> tuple[Staff, tuple[str, datetime]]:
        """Somebody new, the token of their invitation, and until when it is good.

        Raises 403, 404 and 422 for roles that cannot be given, 409 `staff-exists`.
        """
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            _allowed(give(by, (), wanted.grants, await _roles(tx, wanted.grants)))
            programs = await _programs(tx, wanted.grants)
            at_once = await self._at_once(tx, actor, wanted.staff_id, (), wanted.grants)
            wanted = replace(wanted, grants=at_once)
            await _add(tx, wanted, programs, None)
            link = await _invitation(tx, wanted.staff_id, actor.at)
            deed = Deed("staff.create", text_id("stf", wanted.staff_id), by.program, ("roles",))
            await record(tx, actor, deed)
        return wanted, link

    async def invite_again(
        self, by: Manager, actor: Actor, staff_id: UUID
    ) -> tuple[Staff, tuple[str, datetime]]:
        """Another invitation: the password of before counts no more, its sessions end.

        Raises 404; 403 for who has roles elsewhere; 409 `state-conflict` for who is disabled,
        `last-owner`.
        """
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            known, others = await self._locked(tx, by, staff_id)
            if known.status == "disabled":
                raise HttpProblem(409, "state-conflict", "They are disabled.")
            roles = await _roles(tx, known.grants)
            news = {"status": "invited"}
            changed = _allowed(change(by, known, news, other_owners=others, roles=roles))
            await store.set_password(tx, staff_id, None, "invited")
            await session_rows.end_sessions(tx, staff_id, None)
            link = await _invitation(tx, staff_id, actor.at)
            deed = Deed("staff.invite", text_id("stf", staff_id), by.program, ("password",))
            await record(tx, actor, deed)
        return changed, link

    async def accept(self, wanted: AcceptInvitation, visit: Visit) -> str:
        """Choose a password by an invitation: a session's token.

        Who has a second factor gives it, too. Raises 403 `invitation-invalid`; 401
        `code-required`, `code-wrong`; 422 with what is wrong with the password.
        """
        link = digest(wanted.token)
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            known = await store.find_link(tx, link, visit.at)
        if known is None or known["status"] != "invited":
            raise HttpProblem(
                403, "invitation-invalid", "The invitation is wrong, too old or used up."
            )
        if not self._signing_in.takes(known["email"]):
            detail = "Nobody but the emergency owner signs in by password: use the provider."
            raise HttpProblem(403, "local-login-off", detail)
        await self._signing_in.expect_factor(known, wanted.code, visit)
        hashed = await self._signing_in.hashed(wanted.password, known["email"])
        staff_id = known["staff_id"]
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await store.lock_account(tx, staff_id)
            if not await store.spend_link(tx, link, staff_id, visit.at):
                raise HttpProblem(403, "invitation-invalid", "The invitation was used just now.")
            await store.set_password(tx, staff_id, hashed, "active")
            deed = Deed("invitations.accept", text_id("stf", staff_id))
            await record(tx, acting(visit, staff_id), deed)
            stepped_up = known["mfa_secret"] is not None
            return await self._sessions.open(tx, staff_id, visit, stepped_up=stepped_up)

    # Changes.

    async def change(
        self, by: Manager, actor: Actor, staff_id: UUID, wanted: Mapping[str, Any]
    ) -> Staff:
        """Somebody with another name, status or other roles, by then signed out everywhere.

        Who is disabled loses the keys that they made. Raises what `decide.change` refuses, 404.
        """
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            known, others = await self._locked(tx, by, staff_id)
            roles = await _roles(tx, (*known.grants, *wanted.get("grants", ())))
            changed = _allowed(change(by, known, wanted, other_owners=others, roles=roles))
            at_once = await self._at_once(tx, actor, staff_id, known.grants, changed.grants)
            changed = replace(changed, grants=at_once)
            if changed == known:
                return known
            await store.save_staff(tx, changed)
            if changed.grants != known.grants:
                await _give(tx, staff_id, changed.grants)
            if (changed.grants, changed.status) != (known.grants, known.status):
                await session_rows.end_sessions(tx, staff_id, None)
            if changed.status == "disabled":
                await store.revoke_keys(tx, text_id("stf", staff_id), actor.at)
                await store.remove_link(tx, staff_id)
            fields = tuple(sorted("roles" if name == "grants" else name for name in wanted))
            deed = Deed("staff.change", text_id("stf", staff_id), by.program, fields)
            await record(tx, actor, deed)
        return changed

    async def _at_once(
        self, tx: Tx, actor: Actor, staff_id: UUID, held: Sequence[Grant], wanted: Sequence[Grant]
    ) -> tuple[Grant, ...]:
        """The roles that are given now: another owner has to approve of a new one, if there is one.

        What operators and keys do needs no second person.
        """
        at_once = []
        for each in wanted:
            new = each.role == OWNER and each not in held
            if actor.kind == "staff" and new:
                proposer = parse_id("stf", actor.id)
                if await store.has_other_owner(tx, each.program, proposer):
                    await propose(
                        tx,
                        actor,
                        GRANT_OWNER,
                        program=each.program,
                        target=text_id("stf", staff_id),
                        details={"role": each.role},
                    )
                    continue
            at_once.append(each)
        return tuple(at_once)

    async def another_may(
        self, tx: Tx, program: str, actor: Actor, permissions: AbstractSet[str]
    ) -> bool:
        """Whether another than the actor may do all of this in the whole program.

        Beside a key or an operator there is nobody.
        """
        if actor.kind != "staff":
            return False
        others = await store.list_acting(tx, program, parse_id("stf", actor.id))
        found = store.holdings_of(others)
        held = [Holding(tuple(grants), {**ROLES, **own}) for grants, own in found]
        return any(
            stores_of(each.grants) == ALL_STORES
            and not lacking(permissions, each.rights(program).permissions)
            for each in held
        )

    async def grant_owner(self, tx: Tx, approval: Approval, by: Decider, actor: Actor) -> None:
        """Make somebody an owner, of which another owner approved.

        Raises 403 for who is no owner there, 409 for who was disabled meanwhile.
        """
        staff_id = parse_id("stf", approval.target)
        await store.lock_account(tx, staff_id)
        known = store.staff_of(await store.load_staff(tx, staff_id))
        manager = Manager(by.program, by.permissions)
        grant = Grant(approval.program, OWNER)
        here = [each for each in known.grants if manager.reaches([each]) and each != grant]
        roles = await _roles(tx, known.grants)
        given = _allowed(give(manager, known.grants, (*here, grant), roles))
        if known.status == "disabled":
            raise HttpProblem(409, "state-conflict", "They are disabled.")
        await _give(tx, staff_id, given)
        await session_rows.end_sessions(tx, staff_id, None)
        deed = Deed("staff.change", approval.target, approval.program, ("roles",))
        await record(tx, actor, deed)

    async def reset_mfa(self, by: Manager, actor: Actor, staff_id: UUID) -> Staff:
        """Take somebody's second factor away, who lost it; they are signed out everywhere.

        Raises 404; 403 for who has roles elsewhere.
        """
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            known, _ = await self._locked(tx, by, staff_id)
            _allowed(handle(by, known, await _roles(tx, known.grants)))
            await store.reset_secret(tx, staff_id)
            await session_rows.end_sessions(tx, staff_id, None)
            deed = Deed("staff.reset-mfa", text_id("stf", staff_id), by.program, ("mfa",))
            await record(tx, actor, deed)
            return store.staff_of(await store.load_staff(tx, staff_id))

    async def list(self, by: Manager) -> Sequence[Staff]:
        """Staff where the manager is. Raises 404 for a program that is not there."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            if by.program is not None:
                await _programs(tx, [Grant(by.program, OWNER)])
            return [each for each in store.each_of(await store.list_staff(tx)) if by.sees(each)]

    async def find(self, by: Manager, staff_id: UUID) -> Staff:
        """Somebody where the manager is. Raises 404."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            return await self._found(tx, by, staff_id)

    async def _locked(self, tx: Tx, by: Manager, staff_id: UUID) -> tuple[Staff, bool]:
        """Somebody, locked, and whether another owner of the installation could act."""
        owners = await store.lock_owners(tx)
        await store.lock_account(tx, staff_id)
        known = await self._found(tx, by, staff_id)
        return known, any(row["staff_id"] != staff_id for row in owners)

    async def _found(self, tx: Tx, by: Manager, staff_id: UUID) -> Staff:
        rows = await store.load_staff(tx, staff_id)
        if not rows or not by.sees(found := store.staff_of(rows)):
            raise HttpProblem(404, "not-found", "No such staff member.")
        return found


async def _add(
    tx: Tx, staff: Staff, programs: Mapping[str, int], password_hash: str | None
) -> None:
    if not await store.add_staff(tx, staff, password_hash):
        raise HttpProblem(409, "staff-exists", "Somebody has this e-mail already.")
    await store.add_roles(tx, staff.staff_id, staff.grants, programs)


async def _give(tx: Tx, staff_id: UUID, grants: Sequence[Grant]) -> None:
    programs = await _programs(tx, grants)
    await store.remove_roles(tx, staff_id)
    await store.add_roles(tx, staff_id, grants, programs)


async def _roles(tx: Tx, grants: Sequence[Grant]) -> Roles:
    """What roles are, none of which goes until the commit; without those that are not there."""
    return {**ROLES, **await role_rows.load_roles(tx, {each.role for each in grants})}


async def _invitation(tx: Tx, staff_id: UUID, now: datetime) -> tuple[str, datetime]:
    token, token_hash = new_token()
    await store.put_link(tx, token_hash, staff_id, now + INVITATION)
    return token, now + INVITATION


async def _programs(tx: Tx, grants: Sequence[Grant]) -> Mapping[str, int]:
    """Numbers of the programs of roles. Raises 404 for a program or store that is not there."""
    wanted = {each.program: each.stores for each in grants if each.program is not None}
    known = await store.programs_by_id(tx, map(uuid_of, wanted))
    for program, stores in wanted.items():
        if program not in known:
            raise HttpProblem(404, "not-found", "No such program.")
        if stores != ALL_STORES:
            ids = {parse_id("sto", each) for each in stores}
            if await store.known_stores(tx, known[program], ids) != len(ids):
                raise HttpProblem(404, "not-found", "No such store.")
    return known


def _allowed(outcome: T | Refused) -> T:
    if isinstance(outcome, Refused):
        raise HttpProblem(outcome.status, outcome.code, outcome.detail)
    return outcome
