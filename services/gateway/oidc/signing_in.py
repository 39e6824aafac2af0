"""Signing in by the provider: away with a sealed cookie, back with a code, then a session.

In come accounts that were invited, and those whose e-mail's domain and groups are configured: they
have the roles of their groups, as the provider tells them at each login.
"""

import base64
import hmac
import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

import httpx2
import msgspec
from msgspec.structs import replace

from services.gateway.oidc import store
from services.gateway.oidc.asking import Asking, Unproven, Unreached
from services.gateway.oidc.model import Pending, Proven, Provider
from services.gateway.oidc.rules.claiming import judge, names
from services.gateway.staff import session_rows
from services.gateway.staff import store as accounts
from services.gateway.staff.model import Grant, Staff
from services.gateway.staff.sessions import WAIT_SECONDS, Sessions
from services.gateway.staff.visiting import acting
from services.gateway.visiting import Visit
from shared.audit.deeds import Deed, record
from shared.db.engine import Database
from shared.db.locks import lock_key
from shared.db.transaction import Tx, transaction
from shared.errors import HttpProblem
from shared.ids import text_id, uuid_of
from shared.outcome import Refused
from shared.random_ids import uuid7
from shared.sealing import KeyRing

LASTS: Final = timedelta(minutes=10)
"""How long somebody may be at the provider."""
PURPOSE: Final = "oidc"
REFUSED: Final = "oidc-refused"
AWAY: Final = "oidc-away"
_LOCK: Final = lock_key("oidc")
_TOKEN_BYTES: Final = 32


class Federated:
    """Opens sessions for whom the provider vouches."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        sessions: Sessions,
        provider: Provider,
        http: httpx2.AsyncClient,
    ) -> None:
        self._database = database
        self._keys = keys
        self._sessions = sessions
        self._provider = provider
        self._asking = Asking(provider, http)

    async def begin(self, visit: Visit, page: str) -> tuple[str, str]:
        """Where the browser goes, and what it keeps meanwhile. Raises 503 `oidc-away`."""
        until = int((visit.at + LASTS).timestamp())
        pending = Pending(_random(), _random(), _random(), until, page)
        try:
            address = await self._asking.address(pending)
        except (Unproven, Unreached) as error:
            raise HttpProblem(503, AWAY, "The provider does not answer as it should.") from error
        sealed = self._keys.seal(PURPOSE, self._provider.issuer, msgspec.json.encode(pending))
        return address, base64.urlsafe_b64encode(sealed).decode()

    async def finish(
        self, visit: Visit, kept: str | None, state: str, code: str | None, issuer: str | None
    ) -> tuple[str, str]:
        """A new session's token, and the page that was asked for.

        Raises HttpProblem 401 `oidc-refused`, whatever is wrong; why is in the audit. 503
        `oidc-away`.
        """
        try:
            pending = self._opened(kept, state, visit)
            proven = await self._proven(pending, code, issuer, visit)
            async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
                await accounts.one_at_a_time(tx, _LOCK)
                staff_id = await self._account(tx, proven, visit)
                mfa = proven.vouched == "mfa"
                token = await self._sessions.open(
                    tx, staff_id, visit, stepped_up=mfa, federated=proven.vouched
                )
        except Unproven as error:
            raise await self._refused(visit, str(error)) from error
        except Unreached as error:
            raise HttpProblem(503, AWAY, "The provider does not answer.") from error
        return token, pending.next

    async def _proven(
        self, pending: Pending, code: str | None, issuer: str | None, visit: Visit
    ) -> Proven:
        if code is None or issuer not in {None, self._provider.issuer}:
            raise Unproven("answer")
        claims = await self._asking.redeem(code, pending.verifier)
        proven = judge(claims, self._provider, pending.nonce, visit.at)
        if isinstance(proven, Refused):
            raise Unproven(proven.detail)
        return proven

    def _opened(self, kept: str | None, state: str, visit: Visit) -> Pending:
        try:
            sealed = base64.urlsafe_b64decode(kept or "")
            raw = self._keys.unseal(PURPOSE, self._provider.issuer, sealed)
        except ValueError as error:
            raise Unproven("cookie") from error
        pending = msgspec.json.decode(raw, type=Pending)
        if visit.at.timestamp() >= pending.until:
            raise Unproven("late")
        if not hmac.compare_digest(pending.state.encode(), state.encode()):
            raise Unproven("state")
        return pending

    async def _account(self, tx: Tx, proven: Proven, visit: Visit) -> UUID:
        """Whose account it is, as it may act. Raises Unproven for who may not come in."""
        bound = await store.find_identity(tx, proven.issuer, proven.subject)
        if bound is not None:
            owners = await accounts.lock_owners(tx)  # before the account, as everywhere
            staff = await self._known(tx, bound["staff_id"])
            if bound["by_group"]:
                others = any(each["staff_id"] != staff.staff_id for each in owners)
                await self._follow(tx, staff, proven, visit, other_owners=others)
            return await self._let_in(tx, staff)
        row = await accounts.find_account(tx, proven.email)
        if row is None:
            staff = await self._made(tx, proven, visit)
        else:
            staff = await self._known(tx, row["staff_id"])
        if not await store.add_identity(
            tx, proven.issuer, proven.subject, staff.staff_id, by_group=row is None
        ):
            raise Unproven("another-subject")
        return await self._let_in(tx, staff)

    async def _known(self, tx: Tx, staff_id: UUID) -> Staff:
        await accounts.lock_account(tx, staff_id)
        known = accounts.staff_of(await accounts.load_staff(tx, staff_id))
        if known.status == "disabled":
            raise Unproven("disabled")
        return known

    async def _let_in(self, tx: Tx, known: Staff) -> UUID:
        """Who was invited has come: the link of the invitation is worth nothing any more."""
        if known.status == "invited":
            await accounts.save_staff(tx, replace(known, status="active"))
            await accounts.remove_link(tx, known.staff_id)
        return known.staff_id

    async def _made(self, tx: Tx, proven: Proven, visit: Visit) -> Staff:
        if not proven.grants or not names(self._provider.domains, proven.email):
            raise Unproven("not-invited")
        made = Staff(
            staff_id=uuid7(visit.at),
            email=proven.email,
            name=proven.name,
            locale="zh-CN",
            status="active",
            enrolled=False,
            accepted=False,
            created_at=visit.at,
            grants=proven.grants,
        )
        await accounts.add_staff(tx, made, None)
        await self._give(tx, made, proven.grants)
        await self._note(tx, "staff.create", made, visit)
        return made

    async def _follow(
        self, tx: Tx, known: Staff, proven: Proven, visit: Visit, *, other_owners: bool
    ) -> None:
        """Give the roles of the groups of now; other sessions end where they are others."""
        grants = proven.grants
        if not grants:
            raise Unproven("no-group")
        if set(grants) == set(known.grants):
            return
        if known.owns and not replace(known, grants=grants).owns and not other_owners:
            raise Unproven("last-owner")
        await accounts.remove_roles(tx, known.staff_id)
        await self._give(tx, known, grants)
        await session_rows.end_sessions(tx, known.staff_id, None)
        await self._note(tx, "staff.change", known, visit)

    async def _give(self, tx: Tx, to: Staff, grants: tuple[Grant, ...]) -> None:
        programs = {each.program for each in grants if each.program is not None}
        known = await accounts.programs_by_id(tx, map(uuid_of, programs))
        if programs != known.keys():
            raise Unproven("configured-program")
        await accounts.add_roles(tx, to.staff_id, grants, known)

    async def _note(self, tx: Tx, action: str, of: Staff, visit: Visit) -> None:
        deed = Deed(action, text_id("stf", of.staff_id), None, ("roles",), reason=PURPOSE)
        await record(tx, acting(visit, None), deed)

    async def _refused(self, visit: Visit, why: str) -> HttpProblem:
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            deed = Deed("sessions.refuse", "unknown", reason=f"{PURPOSE}: {why}")
            await record(tx, acting(visit, None), deed)
        return HttpProblem(401, REFUSED, "The provider's word does not let you in.")


def _random() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)
