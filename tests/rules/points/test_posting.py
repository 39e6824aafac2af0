"""Entries onto a wallet: running balance, gapless versions, lots that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.points.model import (
    POINTS,
    Account,
    Allocation,
    Entry,
    EntryKind,
    Lot,
    LotState,
    PointsState,
    SourceKind,
)
from services.points.rules.posting import Draft, Source, draw, regrant
from shared.settings.versions import Published
from tests.builders.programs import a_program
from tests.rules.points.facts import DAY, HOLDER, NOON, lot, uuid


def a_draft(*lots: Lot) -> Draft:
    """A draft over lots that are on one holder's account."""
    program = a_program()
    state = PointsState({program.text_id: program}, Published({}), {})
    state.lots.read(lots)
    left, debt = sum(each.open for each in lots), sum(each.short for each in lots)
    state.accounts.read([Account(1, HOLDER, POINTS, left - debt, left, debt)])
    return Draft(state)


def a_source(name: str = "S", kind: SourceKind = SourceKind.REFUND) -> Source:
    """A cause of an entry."""
    return Source(kind, uuid(name), NOON, uuid(f"event of {name}"))


def account(draft: Draft) -> Account:
    """The holder's account as the draft leaves it."""
    return draft.account(1, HOLDER, POINTS)


@pytest.mark.parametrize(
    ("before", "granted", "left", "short"),
    [
        (lot(100), 60, 60, 0),
        (lot(100, drawn=80), 60, 0, 20),
        (lot(100, drawn=80), 90, 10, 0),
        (lot(100, drawn=30, held=50), 60, 50, 20),
        (lot(0), 0, 0, 0),
    ],
)
def test_a_lot_whose_source_gives_another_amount(
    before: Lot, granted: int, left: int, short: int
) -> None:
    after = regrant(before, granted)
    assert (after.granted, after.open, after.short) == (granted, left, short)
    assert after.drawn == before.drawn
    assert after.state == (LotState.OPEN if left else LotState.CLOSED)


@pytest.mark.parametrize(
    ("before", "amount", "left", "short"),
    [(lot(100), 40, 60, 0), (lot(100), 100, 0, 0), (lot(100, drawn=40), -40, 100, 0)],
)
def test_what_is_drawn_from_a_lot(before: Lot, amount: int, left: int, short: int) -> None:
    after = draw(before, amount)
    assert (after.open, after.short) == (left, short)


def test_what_was_spent_of_a_shrinking_lot_becomes_debt() -> None:
    draft = a_draft(lot(100, drawn=80))
    draft.grant(lot(100, drawn=80), 60, EntryKind.CLAW_BACK, a_source())
    (posted,) = draft.posted
    assert (posted.entry.amount, posted.opened) == (-40, -20)
    assert (account(draft).balance, account(draft).open, account(draft).debt) == (-20, 0, 20)


def test_what_expired_unspent_is_not_charged_again() -> None:
    before = lot(100, drawn=100, expired=100)
    draft = a_draft(before)
    after = draft.grant(before, 60, EntryKind.CLAW_BACK, a_source())
    kinds = [(EntryKind(each.entry.kind), each.entry.amount) for each in draft.posted]
    assert kinds == [(EntryKind.CLAW_BACK, -40), (EntryKind.EXPIRE, 40)]
    assert (after.drawn, after.expired, after.short) == (60, 60, 0)
    assert account(draft).balance == 0


def test_the_same_amount_again_posts_nothing() -> None:
    draft = a_draft(lot(100))
    draft.grant(lot(100), 100, EntryKind.CORRECT, a_source())
    assert (draft.posted, draft.rows) == ([], [])


def test_a_lot_that_lapses_pays_debt_first() -> None:
    lapsing, spent = lot(100, expires_at=NOON), lot(60, drawn=90, lot_id=uuid("other"))
    draft = a_draft(lapsing, spent)
    draft.expire(lapsing, NOON, uuid("day"))
    kinds = [(EntryKind(each.entry.kind), each.entry.amount) for each in draft.posted]
    assert kinds == [(EntryKind.SET_OFF, 0), (EntryKind.EXPIRE, -70)]
    assert (account(draft).balance, account(draft).open, account(draft).debt) == (0, 0, 0)
    parts = [row for row in draft.rows if isinstance(row, Allocation)]
    assert [(part.lot_id, part.amount) for part in parts] == [
        (uuid("lot"), 30),
        (None, -30),
        (uuid("lot"), 70),
    ]


def test_what_a_hold_pins_does_not_lapse() -> None:
    held = lot(100, held=40, expires_at=NOON)
    draft = a_draft(held)
    assert draft.expire(held, NOON, uuid("day")).open == 40
    assert [each.entry.amount for each in draft.posted] == [-60]


amounts = st.integers(0, 200)
names = st.sampled_from("abc")
moves = st.lists(st.tuples(st.sampled_from(["grant", "spend"]), names, amounts), max_size=16)
lapses = st.lists(st.tuples(st.just("expire"), names, st.just(0)), max_size=4)
steps = st.tuples(moves, lapses).map(lambda parts: parts[0] + parts[1])
"""What lapses does so last: debt that it paid is not given back yet when the debt's cause goes."""


def carried_out(history: list[tuple[str, str, int]]) -> Draft:
    """Grants, spends and expiries of three lots."""
    draft = a_draft()
    for number, (what, name, amount) in enumerate(history):
        place = lot(lot_id=uuid(name), earned_at=NOON + number * DAY)
        known = draft.lot(1, uuid(name)) or place
        source = a_source(f"{number}")
        if what == "grant":
            draft.grant(known, amount, EntryKind.CORRECT, source)
        elif what == "expire":
            draft.expire(known, NOON + number * DAY, uuid(f"due {number}"))
        elif known.open:
            after = draw(known, min(amount, known.open))
            draft.post(EntryKind.SPEND, known, after, source)
    return draft


@given(steps)
def test_balance_is_the_sum_of_entries_and_of_open_lots_without_debt(
    history: list[tuple[str, str, int]],
) -> None:
    draft = carried_out(history)
    now = account(draft)
    lots = [row for row in draft.rows if isinstance(row, Lot)]
    entries = [row for row in draft.rows if isinstance(row, Entry)]
    assert now.balance == sum(entry.amount for entry in entries)
    assert now.open == sum(each.open for each in lots)
    assert now.balance == now.open - now.debt
    assert [entry.version for entry in entries] == list(range(1, now.version + 1))
    running = 0
    for entry in entries:
        running += entry.amount
        assert entry.balance_after == running
    assert len({entry.text_id for entry in entries}) == len(entries)


@given(steps)
def test_what_lapses_and_what_pays_debt_comes_from_a_lot(
    history: list[tuple[str, str, int]],
) -> None:
    draft = carried_out(history)
    drawn: dict[int, int] = {}
    for part in draft.rows:
        if isinstance(part, Allocation) and part.lot_id is not None:
            drawn[part.version] = drawn.get(part.version, 0) + part.amount
    for entry in draft.rows:
        if isinstance(entry, Entry) and entry.kind == EntryKind.EXPIRE:
            assert drawn[entry.version] == -entry.amount
        if isinstance(entry, Entry) and entry.kind == EntryKind.SET_OFF:
            assert entry.amount == 0 < drawn[entry.version]
