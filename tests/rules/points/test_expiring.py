"""Which lots lapse on a closed day."""

from datetime import datetime

import pytest

from services.points.model import Entry, EntryKind, Lot
from services.points.rules.expiring import due
from services.points.settings import PointsSettings
from shared.ids import uuid_of
from tests.builders.events import instant
from tests.builders.ledger import Ledger
from tests.builders.members import a_link, member
from tests.builders.storefront import a_refund, an_order
from tests.rules.points.facts import DAY, NOON, lot

WHO = uuid_of(member())
DAILY = PointsSettings(validity="days:1")
END = instant("2026-03-02 16:00")
"""24:00 of 2 March in Shanghai, when what was earned on 1 March lapses."""


@pytest.mark.parametrize(
    ("each", "boundary", "expected"),
    [
        (lot(10, expires_at=NOON), NOON, True),
        (lot(10, expires_at=NOON), NOON - DAY / 86_400, False),
        (lot(10), NOON, False),
        (lot(0, expires_at=NOON), NOON, False),
        (lot(10, held=10, expires_at=NOON), NOON, False),
        (lot(10, held=9, expires_at=NOON), NOON, True),
    ],
)
def test_what_is_open_lapses_at_its_end(each: Lot, boundary: datetime, *, expected: bool) -> None:
    assert due(each, boundary) == expected


def an_earner(settings: PointsSettings = DAILY) -> Ledger:
    """A member with two orders, of 1 and 2 March."""
    ledger = Ledger(settings)
    program = ledger.program.text_id
    ledger.apply(
        a_link(program, since=NOON),
        an_order(program, no="A-1", at=NOON, amount_minor=10_000),
        an_order(program, no="A-2", at=NOON + DAY, amount_minor=5_000),
    )
    return ledger


def lapses(ledger: Ledger) -> list[tuple[int, datetime]]:
    """Amounts and instants of what lapsed."""
    return [(e.amount, e.at) for e in ledger.rows(Entry) if e.kind == EntryKind.EXPIRE]


def test_each_lot_lapses_at_its_own_end_whenever_the_sweep_runs() -> None:
    late = an_earner()
    late.sweep(END + 3 * DAY, WHO)
    daily = an_earner()
    for day in range(4):
        daily.sweep(END + day * DAY, WHO)
    assert lapses(late) == lapses(daily) == [(-100, END), (-50, END + DAY)]
    assert late.end_state() == daily.end_state()


def test_a_boundary_swept_twice_changes_nothing() -> None:
    ledger = an_earner()
    ledger.sweep(END, WHO)
    fold = ledger.sweep(END, WHO)
    assert fold.events == []
    assert ledger.account(WHO).balance == 50


def test_an_order_heard_of_after_its_lot_would_have_lapsed_is_earned_and_lapses() -> None:
    ledger = Ledger(DAILY, swept_until=END + DAY)
    program = ledger.program.text_id
    ledger.apply(a_link(program, since=NOON), an_order(program, at=NOON, amount_minor=10_000))
    kinds = [(EntryKind(e.kind), e.amount, e.at) for e in ledger.entries(WHO)]
    assert kinds == [(EntryKind.EARN, 100, NOON), (EntryKind.EXPIRE, -100, END)]


def test_a_refund_after_the_lapse_takes_back_what_it_must_and_no_more() -> None:
    ledger = an_earner()
    ledger.sweep(END, WHO)
    program = ledger.program.text_id
    ledger.apply(a_refund(program, order="A-1", at=END, scope="full"))
    account = ledger.account(WHO)
    assert (account.balance, account.open, account.debt) == (50, 50, 0)
    assert sum(amount for amount, _ in lapses(ledger)) == 0
