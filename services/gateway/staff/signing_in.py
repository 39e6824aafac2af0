"""Signing in, and what who is signed in does with password and second factor.

Every try is counted before anything is compared, and a failure is in the audit.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeVar

from services.gateway.staff import session_rows, store
from services.gateway.staff.factors import Factors
from services.gateway.staff.hashing import Passwords, commonest
from services.gateway.staff.pacing import Pacing, Taken
from services.gateway.staff.rules.passwords import judge
from services.gateway.staff.schemas import LogIn
from services.gateway.staff.sessions import WAIT_SECONDS, Sessions
from services.gateway.staff.visiting import SignedIn, acting
from services.gateway.visiting import Visit
from shared.audit.deeds import Deed, record
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, statements, transaction
from shared.errors import FieldError, HttpProblem
from shared.ids import text_id
from shared.sealing import KeyRing

T = TypeVar("T")
Proof = Literal["right", "code-required", "code-wrong"]
_WORDS: Final = {
    "unauthenticated": "E-mail and password do not go together.",
    "code-required": "The code of the second factor is needed.",
    "code-wrong": "The code is wrong, or was used before.",
}


class SigningIn:
    """Opens sessions for who proves who they are."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        sessions: Sessions,
        emergency_owner: str | None = None,
    ) -> None:
        self._emergency = emergency_owner and emergency_owner.casefold()
        self._database = database
        self._sessions = sessions
        self._pacing = Pacing(database, keys)
        self.passwords = Passwords()
        self.factors = Factors(keys)

    async def log_in(self, wanted: LogIn, visit: Visit) -> str:
        """A new session's token.

        Raises HttpProblem: 429 `slow-down`, 401 `unauthenticated`, `code-required`, `code-wrong`.
        """
        email = wanted.email.casefold()
        taken = await self._pacing.take(email, visit.address, visit.at)
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            known = await store.find_account(tx, email)
        taken_here = known is not None and known["status"] == "active" and self.takes(email)
        kept = known["password_hash"] if known is not None and taken_here else None
        if not await self.passwords.verify(kept, wanted.password):
            raise await self._refused(known, visit, "unauthenticated")
        assert known is not None
        token = None
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            account = await self._unchanged(tx, known)
            proof = await self.prove(tx, account, wanted.code, visit)
            if proof == "right":
                token = await self._opened(tx, account, visit, taken)
            elif proof == "code-required":
                await self._pacing.take_back(tx, taken)
        if token is None:
            raise await self._refused(known, visit, proof)
        return token

    def takes(self, email: str) -> bool:
        """Whether somebody may sign in by password: not where the provider alone is asked."""
        return self._emergency is None or email.casefold() == self._emergency

    async def prove(self, tx: Tx, account: Row, code: str | None, visit: Visit) -> Proof:
        """Whether the second factor of an account is given, where it has one."""
        if account["mfa_secret"] is None:
            return "right"
        if code is None:
            return "code-required"
        right = await self.factors.check(tx, account, code, visit.at)
        return "right" if right else "code-wrong"

    async def step_up(self, who: SignedIn, code: str) -> str:
        """Give the second factor again: the session's new token. Raises 401 `code-wrong`, 429."""

        async def work(tx: Tx, account: Row) -> str | None:
            if not await self.factors.check(tx, account, code, who.visit.at):
                return None
            await record(tx, who.actor, Deed("step-ups.create", _session(who)))
            return await self._sessions.renew(tx, who, stepped_up=True)

        return await self._try(who, work, "code-wrong")

    async def enrol(self, who: SignedIn) -> dict[str, Any]:
        """Offer a secret to an authenticator app; it counts once it is confirmed.

        Raises 403 `step-up-required` where a second factor is set up already.
        """
        if who.session.enrolled and not self._sessions.may_do_grave(who):
            detail = "Another second factor needs a code of the one before."
            raise HttpProblem(403, "step-up-required", detail)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            offered = await self.factors.offer(tx, who.staff_id, who.session.email)
            await record(tx, who.actor, Deed("mfa-enrolments.create", text_id("stf", who.staff_id)))
        return offered

    async def confirm(self, who: SignedIn, code: str) -> tuple[str, list[str]]:
        """Make the secret that was offered count: the session's new token, recovery codes.

        Other sessions end: they were opened without it. Raises 401 `code-wrong`, 429.
        """

        async def work(tx: Tx, account: Row) -> tuple[str, list[str]] | None:
            codes = await self.factors.confirm(tx, account, code, who.visit.at)
            if codes is None:
                return None
            await session_rows.end_sessions(tx, who.staff_id, who.session.session_id)
            deed = Deed("mfa-enrolments.confirm", text_id("stf", who.staff_id))
            await record(tx, who.actor, deed)
            return await self._sessions.renew(tx, who, stepped_up=True), codes

        return await self._try(who, work, "code-wrong")

    async def change_password(self, who: SignedIn, old: str, new: str) -> str:
        """Another password: the session's new token; other sessions end.

        Raises 401 `unauthenticated`, 429, 422 with the code of what is wrong with the new one.
        """
        taken = await self._pacing.take(who.session.email, who.visit.address, who.visit.at)
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            known = await store.find_account(tx, who.session.email)
        if known is None or not await self.passwords.verify(known["password_hash"], old):
            raise await self._refused(known, who.visit, "unauthenticated")
        hashed = await self.hashed(new, who.session.email, "/new")
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await self._unchanged(tx, known)
            await store.set_password(tx, who.staff_id, hashed, "active")
            await session_rows.end_sessions(tx, who.staff_id, who.session.session_id)
            await self._pacing.proven(tx, taken)
            await record(tx, who.actor, Deed("passwords.change", text_id("stf", who.staff_id)))
            return await self._sessions.renew(tx, who)

    async def hashed(self, password: str, email: str, pointer: str = "/password") -> str:
        """What is kept of a new password. Raises 422 with the code of what is wrong with it."""
        refused = judge(password, email, commonest())
        if refused is not None:
            errors = [FieldError(pointer, refused.code, refused.detail)]
            raise HttpProblem(refused.status, refused.code, refused.detail, errors=errors)
        return await self.passwords.hash(password)

    async def expect_factor(self, account: Row, code: str | None, visit: Visit) -> None:
        """Raise 401 unless the second factor of an account is given, where it has one; 429."""
        if account["mfa_secret"] is None:
            return
        taken = await self._pacing.take(account["email"], visit.address, visit.at)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            locked = await store.lock_account(tx, account["staff_id"])
            assert locked is not None, "accounts are never deleted"
            proof = await self.prove(tx, locked, code, visit)
            if proof != "code-wrong":
                await self._pacing.take_back(tx, taken)
        if proof != "right":
            raise await self._refused(account, visit, proof)

    async def _try(
        self, who: SignedIn, work: Callable[[Tx, Row], Awaitable[T | None]], code: str
    ) -> T:
        """What a try of who is signed in gives; with None it has failed."""
        taken = await self._pacing.take(who.session.email, who.visit.address, who.visit.at)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            account = await store.lock_account(tx, who.staff_id)
            assert account is not None, "a session has an account"
            done = await work(tx, account)
            if done is not None:
                await self._pacing.proven(tx, taken)
        if done is None:
            raise await self._refused(account, who.visit, code)
        return done

    async def _opened(self, tx: Tx, account: Row, visit: Visit, taken: Taken) -> str:
        await self._pacing.proven(tx, taken)
        stepped_up = account["mfa_secret"] is not None
        return await self._sessions.open(tx, account["staff_id"], visit, stepped_up=stepped_up)

    async def _unchanged(self, tx: Tx, known: Row) -> Row:
        """The account, locked. Raises 401 when its password or state changed meanwhile."""
        account = await store.lock_account(tx, known["staff_id"])
        same = account is not None and all(
            account[name] == known[name] for name in ("password_hash", "status")
        )
        if account is None or not same:
            raise _problem("unauthenticated")
        return account

    async def _refused(self, account: Row | None, visit: Visit, code: str) -> HttpProblem:
        """What a failure is told as, once it is in the audit."""
        of = "unknown" if account is None else text_id("stf", account["staff_id"])
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await record(tx, acting(visit, None), Deed("sessions.refuse", of, reason=code))
        return _problem(code)


def _problem(code: str) -> HttpProblem:
    return HttpProblem(401, code, _WORDS[code])


def _session(who: SignedIn) -> str:
    return text_id("ses", who.session.session_id)
