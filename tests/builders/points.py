"""Ledger entries, as points tells them."""

from datetime import datetime

from shared.events.envelope import Cause, Event
from shared.events.points.points_changed import (
    BookAccount,
    EntryKind,
    PointsChanged,
    SourceKind,
)
from shared.ids import derive, text_id, text_id_of_entry
from tests.builders.events import event
from tests.builders.members import member
from tests.builders.storefront import AT, order_id


def entry_id(name: str) -> str:
    """Text id of an entry."""
    return text_id_of_entry(derive("test-entry", name), 1, 1)


def an_entry(
    program: str,
    *,
    name: str = "E-1",
    who: str = member(),
    at: datetime = AT,
    amount: int = 19,
    kind: EntryKind = "earn",
    account: BookAccount = "issued",
    source_kind: SourceKind = "order",
    order: str | None = "A-1",
    wallet: str = "points",
    identity: str | None = None,
) -> Event:
    """One line of a member's ledger; the balance after it is not told rightly."""
    entry = identity or entry_id(name)
    data = PointsChanged(
        member_id=who,
        entry_id=entry,
        version=1,
        wallet=wallet,
        kind=kind,
        account=account,
        amount=amount,
        balance=amount,
        available=max(0, amount),
        debt=0,
        value_minor=amount,
        currency="CNY",
        lots=[],
        source_kind=source_kind,
        source_id=text_id("src", derive("test-source", name)),
        order_id=order_id(program, order) if order else None,
        rule_version=1,
    )
    cause = Cause("entry", entry)
    return event("points", data, program=program, key=who, subject=who, at=at, cause=cause)
