"""Values of members by a few words, for the tests of their rules."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.members.model import Link, Member, MembersState, OrderSeen, RefundSeen
from services.members.rules.draft import Draft
from services.members.tiers.model import TierFact
from services.members.tiers.rules.counting import Bought, GivenBack
from services.members.tiers.settings import Ladder, Threshold, Tier
from shared.flow import Row
from shared.ids import derive, uuid_of
from shared.settings.versions import Published
from tests.builders.events import instant
from tests.builders.programs import a_program
from tests.builders.storefront import STORE

PROGRAM = a_program()
NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)


def uuid(name: str) -> UUID:
    """The same uuid for the same name."""
    return derive("test", name)


WHO = uuid("who")
ANN, BEN = uuid("Ann"), uuid("Ben")
CUSTOMER = uuid("customer")
STORE_ID = uuid_of(STORE)
CAUSE = uuid("cause")


def a_ladder(*silver_gold_minor: int, downgrade: str = "one-step") -> Ladder:
    """Ordinary, silver, gold at amounts; 1,000.00 and 3,000.00 if none are given."""
    amounts: Sequence[int] = silver_gold_minor or (100_000, 300_000)
    uppers = [
        Tier(code=code, rank=rank, enter=Threshold(amount_minor=amount))
        for rank, (code, amount) in enumerate(zip(("silver", "gold"), amounts, strict=True), 2)
    ]
    return Ladder(
        code="main",
        downgrade=downgrade,
        tiers=(Tier(code="ordinary", rank=1), *uppers),
    )


def an_order(name: str, amount: int, at: datetime = NOON, orders: int = 1) -> TierFact:
    """An order counts at its completion."""
    return TierFact(1, WHO, uuid(name), "order", at, uuid(name), at, amount, orders)


def a_refund(name: str, amount: int, at: datetime, order: str = "A", orders: int = 0) -> TierFact:
    """A refund takes back at its own instant."""
    return TierFact(1, WHO, uuid(name), "refund", at, uuid(order), NOON, -amount, -orders)


def bought(amount_minor: int, cancelled_at: datetime | None = None) -> Bought:
    """An order completed at noon."""
    return Bought(uuid("A"), NOON, amount_minor, cancelled_at)


def given_back(name: str, amount_minor: int, at: datetime, *, whole: bool = False) -> GivenBack:
    """A refund of it."""
    return GivenBack(uuid(name), at, amount_minor, whole)


def a_link(
    who: UUID = ANN, since: datetime = NOON, revision: int = 1, until: datetime | None = None
) -> Link:
    """A link of the customer to a member."""
    return Link(1, CUSTOMER, who, "joined", since, since, revision, until)


def a_member(who: UUID = WHO, since: datetime = NOON, version: int = 1) -> Member:
    """Somebody who joined by a first order."""
    return Member(
        1, who, None, "active", "auto-first-order", since, STORE_ID, None, "pending", version
    )


def seen(name: str = "A", amount_minor: int = 10_000, **changes: Any) -> OrderSeen:
    """An order of the customer, completed at noon."""
    values: dict[str, Any] = {
        "program_id": 1,
        "order_id": uuid(name),
        "customer_id": CUSTOMER,
        "store_id": STORE_ID,
        "completed_at": NOON,
        "completed_last_at": changes.get("completed_at", NOON),
        "cancelled_at": None,
        "currency": "CNY",
        "amount_minor": amount_minor,
    }
    return OrderSeen(**values | changes)


def refunded(
    name: str, goods_minor: int, at: datetime, *, order: str = "A", whole: bool = False
) -> RefundSeen:
    """A refund of an order of the customer."""
    return RefundSeen(1, uuid(name), uuid(order), CUSTOMER, at, goods_minor, whole)


def a_state(*rows: Row, whole: bool = True) -> MembersState:
    """What a batch knows; by default everything of the member."""
    members = frozenset({(1, WHO)}) if whole else frozenset()
    state = MembersState({PROGRAM.text_id: PROGRAM}, Published({}), members)
    for row in rows:
        state.put(row)
    return state


def a_draft(*rows: Row, state: MembersState | None = None) -> Draft:
    """A decision that has written nothing yet."""
    return Draft(state or a_state(*rows), PROGRAM, CAUSE)
