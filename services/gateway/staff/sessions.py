"""Sessions: opened, found by their cookies, renewed and ended; and whom a cookie stands for."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request

from services.gateway.cookies import Cookie, expect_csrf
from services.gateway.secrecy import csrf_token, digest, new_token
from services.gateway.staff import session_rows, store, telling
from services.gateway.staff.model import Session, Sitting, Vouched
from services.gateway.staff.rules.roles import ROLES, Holding, held_in, stores_of
from services.gateway.staff.rules.sitting import (
    IDLE,
    NOTED,
    WHOLE,
    idle_expires_at,
    lasts,
    stepped_up_until,
)
from services.gateway.staff.visiting import SignedIn, acting
from services.gateway.throttle import Pace
from services.gateway.visiting import Visit
from shared.audit.deeds import Deed, prefix, record
from shared.config import Config
from shared.db.engine import Database
from shared.db.transaction import Tx, statements, transaction
from shared.errors import HttpProblem
from shared.http.auth import PROGRAM_HEADER
from shared.http.tokens import Caller
from shared.ids import text_id
from shared.random_ids import uuid7

NAME: Final = "shuke"
PER_MINUTE: Final = 300
"""Requests of a staff member in the long run, at each process of the gateway."""
BURST: Final = 600
"""So many at once after a rest."""
WAIT_SECONDS: Final = 1.0


class Sessions:
    """The sessions of staff. An app has one."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database = database
        self._mfa_optional = config.mfa_optional
        self._pace = Pace(PER_MINUTE / 60, BURST)
        self.cookie = Cookie.of(config, NAME, WHOLE)

    async def recognise(self, request: Request) -> Caller | None:
        """The staff member of a cookie in the program that the request names; None without one.

        Raises HttpProblem: 403 `csrf`, 403 `mfa-required`, 404 for a program that is not theirs.
        """
        found = await self.find(request)
        if found is None:
            return None
        return await self.caller(found.session, request.headers.get(PROGRAM_HEADER))

    async def caller(self, session: Session, program: str | None) -> Caller:
        """Whom a session stands for in a program. Raises HttpProblem 403 `mfa-required`, 404."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            held = await _holding(tx, session.staff_id)
        if self.requires_mfa(held):
            _expect_factor(session)
        return self._caller(session, held, program)

    async def find(self, request: Request) -> SignedIn | None:
        """Who is signed in; None without a session that goes on. Raises 403 `csrf`, 429."""
        token = self.cookie.read(request)
        if token is None:
            return None
        visit = Visit.of(request)
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            session = await _lasting(tx, token, visit.at)
            if session is None:
                return None
            expect_csrf(request, token)
            self._expect_pace(session)
            if visit.at - session.sitting.seen_at >= NOTED:
                await session_rows.touch_session(tx, session.session_id, visit.at)
        return SignedIn(session, visit)

    async def glimpse(self, request: Request) -> Session | None:
        """The session of a cookie, if it goes on. Unlike `find` it does not make it last."""
        token = self.cookie.read(request)
        if token is None:
            return None
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            return await _lasting(tx, token, Visit.of(request).at)

    def _expect_pace(self, session: Session) -> None:
        wait = self._pace.take(session.staff_id, 1)
        if wait is not None:
            detail = f"Staff make {PER_MINUTE} requests a minute, {BURST} at once."
            raise HttpProblem(429, "slow-down", detail, headers={"Retry-After": str(wait)})

    def requires_mfa(self, held: Holding) -> bool:
        """Whether one of the roles needs a second factor here."""
        return not self._mfa_optional and held.mfa

    def may_do_grave(self, who: SignedIn) -> bool:
        """Whether the second factor was given just now, or there is none and none is needed."""
        until = self._stepped_up_until(who.session)
        return until is not None and until > who.visit.at

    async def open(
        self,
        tx: Tx,
        staff_id: UUID,
        visit: Visit,
        *,
        stepped_up: bool = False,
        federated: Vouched | None = None,
    ) -> str:
        """A new session: its token."""
        token, token_hash = new_token()
        session_id = uuid7(visit.at)
        sitting = Sitting(visit.at, visit.at, visit.at if stepped_up else None)
        await session_rows.add_session(
            tx,
            session_id,
            staff_id,
            token_hash,
            sitting,
            prefix(visit.address),
            visit.agent,
            federated,
        )
        deed = Deed("sessions.create", text_id("ses", session_id))
        await record(tx, acting(visit, staff_id), deed)
        return token

    async def renew(self, tx: Tx, who: SignedIn, *, stepped_up: bool = False) -> str:
        """Another token for a session; the one before opens nothing any more."""
        token, token_hash = new_token()
        await session_rows.renew_session(
            tx, who.session.session_id, token_hash, who.visit.at, stepped_up=stepped_up
        )
        return token

    async def document(self, token: str) -> dict[str, Any]:
        """A session as its owner sees it. Raises 401 when it has ended meanwhile."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            session = await session_rows.find_session(tx, digest(token))
            if session is None:
                raise HttpProblem(401, "unauthenticated", "The session has ended.")
            held = await _holding(tx, session.staff_id)
            reached = await store.list_reached(tx, session.staff_id)
        mfa = {
            "enrolled": session.enrolled,
            "required": self.requires_mfa(held) and session.federated != "mfa",
            "stepped_up_until": self._stepped_up_until(session),
        }
        return telling.session(session, csrf_token(token), mfa, held, reached)

    async def list(self, who: SignedIn) -> list[dict[str, Any]]:
        """The sessions of who is signed in."""
        now = who.visit.at
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            rows = await session_rows.list_sessions(tx, who.staff_id, now - WHOLE, now - IDLE)
        return [telling.session_line(row, who.session.session_id) for row in rows]

    async def end(self, who: SignedIn, session_id: UUID) -> None:
        """End a session of who is signed in. Raises 404 for another's."""
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            if not await session_rows.end_session(tx, who.staff_id, session_id):
                raise HttpProblem(404, "not-found", "No such session.")
            await record(tx, who.actor, Deed("sessions.end", text_id("ses", session_id)))

    def _caller(self, session: Session, holding: Holding, program: str | None) -> Caller:
        grants = holding.grants
        if program is None and not held_in(grants, None):
            theirs = {each.program for each in grants}
            if len(theirs) > 1:
                raise HttpProblem(422, "invalid", f"Name the program by {PROGRAM_HEADER}.")
            program = next(iter(theirs), None)
        held = held_in(grants, program)
        if program is not None and not held:
            raise HttpProblem(404, "not-found", "No such program.")
        permitted = holding.rights(program)
        return Caller(
            subject=text_id("stf", session.staff_id),
            program=program,
            permissions=permitted.permissions,
            stores=stores_of(held),
            expires_at=idle_expires_at(session.sitting),
            fields=permitted.fields,
            stepped_up_until=self._stepped_up_until(session),
        )

    def _stepped_up_until(self, session: Session) -> datetime | None:
        if self._mfa_optional and not session.enrolled:
            return idle_expires_at(session.sitting)
        return stepped_up_until(session.sitting)


async def _lasting(tx: Tx, token: str, now: datetime) -> Session | None:
    session = await session_rows.find_session(tx, digest(token))
    return session if session is not None and lasts(session.sitting, now) else None


def _expect_factor(session: Session) -> None:
    """Raise 403 where a role needs a second factor that was neither given here nor vouched for."""
    if session.federated == "mfa":
        return
    if not session.enrolled:
        detail = "A second factor has to be set up first: it is mandatory for a role of yours."
        raise HttpProblem(403, "mfa-required", detail)
    if session.federated is not None and session.sitting.stepped_up_at is None:
        detail = "Give a code first: the provider has asked for no second factor."
        raise HttpProblem(403, "step-up-required", detail)


async def _holding(tx: Tx, staff_id: UUID) -> Holding:
    grants, own = await store.list_grants(tx, staff_id)
    return Holding(tuple(grants), {**ROLES, **own})
