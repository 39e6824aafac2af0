"""What shoppers do for themselves: join, check in, agree to purposes, ask to be forgotten."""

from collections.abc import Mapping
from typing import Any

from services.gateway import NAME
from services.gateway.shoppers import store
from services.gateway.shoppers.asking import Members
from services.gateway.shoppers.model import Membership, Session
from services.gateway.shoppers.schemas import Agree, AskWhole, Join, Leave
from services.gateway.shoppers.sessions import WAIT_SECONDS, Shopper, Shoppers
from services.gateway.shoppers.signing_in import Proving
from shared.audit.deeds import Deed, record
from shared.days import Instant, local_day, zone
from shared.db import outbox
from shared.db.engine import Database
from shared.db.locks import channel
from shared.db.transaction import notify, transaction
from shared.errors import HttpProblem
from shared.events import codec
from shared.events.envelope import Announcement, Cause
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.customer_updated import CustomerUpdated
from shared.events.storefront.parts import Identity
from shared.ids import parse_id, text_id


class Doing:
    """Carries out what a shopper asks for."""

    def __init__(
        self, database: Database, shoppers: Shoppers, members: Members, proving: Proving
    ) -> None:
        self._database = database
        self._shoppers = shoppers
        self._members = members
        self._proving = proving

    async def join(self, who: Shopper, wanted: Join) -> None:
        """Join by the open route. What is known of the person follows by the log, sealed.

        Raises what members refuses: 409 `already-member`, `not-eligible`, `program-paused` …
        """
        await self._members.join(who.session, wanted.terms, who.visit.address)
        session = who.session
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            if session.person:
                await outbox.append(tx, [codec.encode(NAME, _told(session))])
            about = text_id("cus", session.customer_id)
            terms = f"terms {wanted.terms}"
            joined = Deed("member-sessions.join", about, session.program, reason=terms)
            await record(tx, who.acting(None), joined)
        await notify(self._database, channel(NAME))

    async def check_in(self, who: Shopper) -> dict[str, Any]:
        """Check in for the program's day, once. Raises 404 for who is no member."""
        member = await self._shoppers.member(who)
        session, at = who.session, Instant.of(who.visit.at)
        day = local_day(at, zone(session.time_zone))
        of = parse_id("mem", member.member_id)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            fresh = await store.check_in(tx, session.program_id, of, day)
            if fresh:
                event = _checked_in(session, member, at, day.isoformat())
                await outbox.append(tx, [codec.encode(NAME, event)])
        if fresh:
            await notify(self._database, channel(NAME))
        return {"day": day.isoformat(), "already": not fresh}

    async def consent(self, who: Shopper, wanted: Agree) -> Mapping[str, object]:
        """Agree to purposes, or take that back. Raises 404 for who is no member, 409."""
        member = await self._shoppers.member(who)
        return await self._members.consent(
            who.session, member, wanted.consents, wanted.text_version, who.visit.address
        )

    async def prove(self, who: Shopper, wanted: AskWhole) -> Membership:
        """The member, who proves a phone of theirs now. Raises 401, 403 `another-phone`, 404."""
        member = await self._shoppers.member(who)
        phone = await self._proving.confirm(who.session, wanted.phone, wanted.code, who.visit)
        found = await self._members.by_phone(who.session, phone)
        if found is None or found.member_id != member.member_id:
            detail = "The phone is not one that the member is known by: ask the shop."
            raise HttpProblem(403, "another-phone", detail)
        return member

    async def erase(self, who: Shopper, wanted: Leave) -> Mapping[str, object]:
        """Ask to be forgotten; the code proves that a phone of the member is at hand.

        Other sessions end. Raises 401 `code-wrong`, 403 `another-phone`, 404, 409.
        """
        member = await self._shoppers.member(who)
        phone = await self._proving.confirm(who.session, wanted.phone, wanted.code, who.visit)
        address = who.visit.address
        erasure = await self._members.erase(who.session, member, phone, wanted.reason, address)
        await self._shoppers.end_others(who)
        return erasure

    async def keep(self, who: Shopper, erasure: str) -> Mapping[str, object]:
        """Take the wish to be forgotten back. Raises 404, and 409 once it is too late."""
        member = await self._shoppers.member(who)
        return await self._members.keep(who.session, member, erasure, who.visit.address)


def _told(session: Session) -> Announcement:
    """What a shopper who joins has proven, and the box with their phone."""
    customer, at = text_id("cus", session.customer_id), Instant.of(session.began_at)
    data = CustomerUpdated(
        store_id=text_id("sto", session.store_id),
        customer_id=customer,
        identities=[
            Identity(kind="phone", hash=hashed, verified=True) for hashed in session.person
        ],
        assurance="high",
    )
    return Announcement(
        data=data,
        program=session.program,
        key=customer,
        subject=customer,
        at=at,
        cause=Cause("customer", f"{customer}/{text_id('ses', session.session_id)}"),
        causation=None,
        sealedcontact=session.box,
    )


def _checked_in(session: Session, member: Membership, at: Instant, day: str) -> Announcement:
    """A check-in by the customer that the member is linked by."""
    customer = member.customer_id
    data = CheckIn(
        store_id=member.store_id or text_id("sto", session.store_id),
        customer_id=customer,
        channel="centre",
        identities=[],
        assurance="high",
    )
    return Announcement(
        data=data,
        program=session.program,
        key=customer,
        subject=customer,
        at=at,
        cause=Cause("customer-day", f"{customer}/{day}"),
        causation=None,
    )
