"""How an order that a shop tells stands against what was told of it before. Pure."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from services.gateway.model import Answer, Ready
from services.gateway.orders.model import KnownOrder
from shared.days import local_day, start_of, zone
from shared.events.storefront.order_paid import OrderPaid

Verdict = Literal["agrees", "different", "missing"]
DAYS: Final = 7
"""So many days of the program before today are compared, and today as far as it has come."""
EARLY: Final = timedelta(hours=2)
"""So long after midnight a shop is compared: what was on its way has come by then."""


class Compared(Struct, frozen=True):
    """An order as the shop tells it, against ours."""

    program_id: int
    connection_id: UUID
    order_id: UUID
    order_no: str
    day: date
    """Of its payment, local to the program."""
    currency: str
    verdict: Verdict
    shop_minor: int
    our_minor: int | None
    """What it came to as we were told first; None: we knew nothing of it, or not how much."""


def paid_among(said: Sequence[Ready | Answer]) -> tuple[int, OrderPaid] | None:
    """That an order was paid, among the things said, and its place there."""
    for number, each in enumerate(said):
        if isinstance(each, Ready) and isinstance(each.event.data, OrderPaid):
            return number, each.event.data
    return None


def verdict(answer: Answer, known: KnownOrder | None) -> Verdict | None:
    """How an order stands whose payment was told again; None: it was not to be told.

    What is told now, since no event of its id was, is different where the order is known by
    another one: with another instant.

    >>> verdict(Answer("published"), None), verdict(Answer("duplicate"), None)
    ('missing', 'agrees')
    """
    match answer.status:
        case "duplicate":
            return "agrees"
        case "conflict":
            return "different"
        case "published":
            return "missing" if known is None else "different"
        case _:
            return None


def ours(found: Verdict, shop_minor: int, known: KnownOrder | None) -> int | None:
    """What an order came to as we were told first."""
    if known is not None and known.total_minor is not None:
        return known.total_minor
    return shop_minor if found == "agrees" else None


def first_day(now: datetime, time_zone: str) -> date:
    """The first day that is compared."""
    return local_day(now, zone(time_zone)) - timedelta(days=DAYS)


def next_night(now: datetime, time_zone: str) -> datetime:
    """When it is compared the next time."""
    return start_of(local_day(now, zone(time_zone)) + timedelta(days=1), zone(time_zone)) + EARLY
