"""Which events a decision yields, and what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points.model import EntryKind, SourceKind
from services.points.rules.announcing import book_account, source_text, worth
from shared.events.points.points_changed import PointsChanged
from shared.ids import text_id, uuid_of
from tests.builders.ledger import Ledger
from tests.builders.members import a_link, member
from tests.builders.storefront import a_refund, an_order, order_id, refund_id
from tests.rules.points.facts import DAY, NOON, a_settings, uuid


@pytest.mark.parametrize(
    ("kind", "amount", "account"),
    [
        (EntryKind.EARN, 5, "issued"),
        (EntryKind.ACTIVITY, 5, "issued"),
        (EntryKind.GRANT, 5, "issued"),
        (EntryKind.IMPORT, 5, "issued"),
        (EntryKind.ADJUST, 5, "issued"),
        (EntryKind.ADJUST, -5, "reversed"),
        (EntryKind.CORRECT, 5, "issued"),
        (EntryKind.CORRECT, -5, "reversed"),
        (EntryKind.CLAW_BACK, -5, "reversed"),
        (EntryKind.SPEND, -5, "redeemed"),
        (EntryKind.RETURN, 5, "redeemed"),
        (EntryKind.EXPIRE, -5, "expired"),
        (EntryKind.EXPIRE, 5, "expired"),
        (EntryKind.REINSTATE, 5, "expired"),
        (EntryKind.SET_OFF, 0, "none"),
        (EntryKind.EXTEND, 0, "none"),
        (EntryKind.TRANSFER_OUT, -5, "internal"),
        (EntryKind.TRANSFER_IN, 5, "internal"),
        (EntryKind.MERGE_OUT, -5, "internal"),
        (EntryKind.MERGE_IN, 5, "internal"),
        (EntryKind.WRITE_OFF, 5, "reversed"),
    ],
)
def test_every_kind_belongs_to_an_account_of_the_book(
    kind: EntryKind, amount: int, account: str
) -> None:
    assert book_account(kind, amount) == account


def test_a_source_is_named_by_what_it_is() -> None:
    it = uuid("it")
    assert source_text(SourceKind.ORDER, it) == text_id("ord", it)
    assert source_text(SourceKind.REFUND, it) == text_id("rfd", it)
    assert source_text(SourceKind.TIER, it) == text_id("src", it)


@given(st.integers(-(10**9), 10**9), st.integers(1, 1000), st.integers(0, 1000))
def test_a_reversal_is_worth_what_it_reverses(points: int, unit_points: int, value: int) -> None:
    settings = a_settings(unit_points=unit_points, unit_value=value)
    assert worth(points, settings) == -worth(-points, settings)
    assert abs(worth(points, settings)) <= abs(points) * value


def test_without_settings_points_are_worth_nothing() -> None:
    assert worth(100, None) == 0


def test_one_event_per_entry_with_the_account_after_it() -> None:
    ledger = Ledger()
    program = ledger.program.text_id
    ledger.apply(
        a_link(program, since=NOON),
        an_order(program, at=NOON, amount_minor=10_000),
        a_refund(program, at=NOON + DAY, lines=[("1", 1, 4_000)]),
    )
    told = [each.data for each in ledger.announced]
    assert all(isinstance(data, PointsChanged) for data in told)
    earned, taken = told
    assert isinstance(earned, PointsChanged)
    assert isinstance(taken, PointsChanged)
    assert (earned.kind, earned.account, earned.amount, earned.balance) == (
        "earn",
        "issued",
        100,
        100,
    )
    assert (taken.kind, taken.account, taken.amount, taken.balance) == (
        "claw-back",
        "reversed",
        -40,
        60,
    )
    assert earned.source_id == earned.order_id == taken.order_id == order_id(program, "A-1")
    assert taken.source_id == refund_id(program, "R-1")
    assert [entry.text_id for entry in ledger.entries(uuid_of(member()))] == [
        earned.entry_id,
        taken.entry_id,
    ]
    assert [lot.amount for lot in (*earned.lots, *taken.lots)] == [100, -40]
    assert [each.key for each in ledger.announced] == [member(), member()]


def test_the_same_refund_told_again_tells_nothing() -> None:
    ledger = Ledger()
    program = ledger.program.text_id
    back = a_refund(program, at=NOON + DAY, lines=[("1", 1, 4_000)])
    ledger.apply(a_link(program, since=NOON), an_order(program, at=NOON, amount_minor=10_000))
    assert len(ledger.apply(back).events) == 1
    assert ledger.apply(back).events == []
