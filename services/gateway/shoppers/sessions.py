"""Sessions of shoppers: opened, found by their cookies, told and ended."""

from typing import Any, Final

from fastapi import Request
from msgspec import Struct

from services.gateway.cookies import Cookie, expect_csrf
from services.gateway.secrecy import csrf_token, digest, new_token
from services.gateway.shoppers import store
from services.gateway.shoppers.asking import Members
from services.gateway.shoppers.model import Membership, Session
from services.gateway.shoppers.rules.staying import LIFE, ends_at, lasts
from services.gateway.visiting import Visit
from shared.audit.deeds import Actor, Deed, record
from shared.config import Config
from shared.days import local_day, render, zone
from shared.db.engine import Database
from shared.db.transaction import Tx, statements, transaction
from shared.errors import HttpProblem
from shared.http.tokens import EVERYTHING, Caller
from shared.ids import parse_id, text_id

NAME: Final = "shuke-m"
WAIT_SECONDS: Final = 1.0
READ: Final = frozenset({"self.read"})
"""All that a member may do at the services: read what is theirs."""


class Shopper(Struct, frozen=True):
    """Who came, at this visit."""

    session: Session
    token: str
    visit: Visit

    def acting(self, member: Membership | None) -> Actor:
        """The shopper as who does something."""
        customer = text_id("cus", self.session.customer_id)
        return self.visit.by("member", member.member_id if member else customer)

    def __repr__(self) -> str:
        return f"Shopper({self.session.session_id})"


class Shoppers:
    """The sessions of shoppers. An app has one."""

    def __init__(self, database: Database, config: Config, members: Members) -> None:
        self._database = database
        self._members = members
        self.cookie = Cookie.of(config, NAME, LIFE)

    async def find(self, request: Request) -> Shopper | None:
        """Who came; None without a session that goes on. Raises 403 `csrf`."""
        token = self.cookie.read(request)
        if token is None:
            return None
        visit = Visit.of(request)
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            session = await store.find_session(tx, digest(token))
        if session is None or not lasts(session.began_at, visit.at):
            return None
        expect_csrf(request, token)
        return Shopper(session, token, visit)

    async def open(self, tx: Tx, session: Session, visit: Visit) -> str:
        """Keep a new session: its token."""
        token, token_hash = new_token()
        await store.add_session(tx, session, token_hash)
        who = Shopper(session, token, visit).acting(None)
        made = Deed("member-sessions.create", text_id("ses", session.session_id), session.program)
        await record(tx, who, made)
        return token

    async def member(self, who: Shopper) -> Membership:
        """The member that a shopper is. Raises 404 for who is none."""
        found = await self._members.membership(who.session)
        if found is None:
            raise HttpProblem(404, "not-found", "Who came is not a member.")
        return found

    async def caller(self, who: Shopper) -> Caller:
        """A shopper as the services meet them: a member, who may read what is theirs."""
        member = await self.member(who)
        until = ends_at(who.session.began_at)
        return Caller(member.member_id, who.session.program, READ, (EVERYTHING,), until)

    async def document(self, token: str, visit: Visit) -> dict[str, Any]:
        """A session as its shopper sees it. Raises 401 when it has ended meanwhile."""
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            session = await store.find_session(tx, digest(token))
        if session is None:
            raise HttpProblem(401, "unauthenticated", "The session has ended.")
        member = await self._members.membership(session)
        today = local_day(visit.at, zone(session.time_zone))
        done = False
        if member is not None:
            of = parse_id("mem", member.member_id)
            async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
                done = await store.checked_in(tx, session.program_id, of, today)
        return {
            "session_id": text_id("ses", session.session_id),
            "csrf_token": csrf_token(token),
            "program_id": session.program,
            "state": "eligible" if member is None else "member",
            "member_id": None if member is None else member.member_id,
            "phone_proven": bool(session.person),
            "today": today.isoformat(),
            "checked_in_today": done,
            "expires_at": render(ends_at(session.began_at)),
        }

    async def end(self, who: Shopper) -> None:
        """End a session."""
        session = who.session
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await store.end_session(tx, session.program_id, session.session_id)
            ended = Deed(
                "member-sessions.leave", text_id("ses", session.session_id), session.program
            )
            await record(tx, who.acting(None), ended)
        self._members.forget(session)

    async def end_others(self, who: Shopper) -> None:
        """End the other sessions of the same shopper."""
        session = who.session
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await store.end_other_sessions(tx, session)
            ended = Deed(
                "member-sessions.end-others", text_id("ses", session.session_id), session.program
            )
            await record(tx, who.acting(None), ended)
