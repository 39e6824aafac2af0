"""Why an entry has the points that it has: recomputed, never stored."""

from hypothesis import given

from services.points.model import Account, Entry, EntryKind, Lot
from services.points.settings import PointsSettings
from shared.ids import uuid_of
from tests.builders.ledger import Ledger
from tests.builders.members import a_link, a_tier_change, member
from tests.builders.programs import PROGRAM
from tests.builders.storefront import a_check_in, a_line, a_refund, an_order
from tests.flow.harness import HISTORIES, splits
from tests.flow.histories import (
    CUSTOMERS,
    MEMBERS,
    Telling,
    check_ins,
    links,
    orders,
    tellings,
    tiers,
)
from tests.rules.points.facts import DAY, NOON

WHO = uuid_of(member())
PARTS = (orders(CUSTOMERS), links(CUSTOMERS, MEMBERS), tiers(MEMBERS), check_ins(CUSTOMERS))
SETTINGS = PointsSettings(validity="never")


def the_story() -> Ledger:
    """An order with an excluded line, refunded in part, at a tier heard of afterwards."""
    ledger = Ledger(SETTINGS)
    lines = [a_line("1", 10_000), a_line("2", 2_000, kind="gift-card")]
    ledger.apply(a_link(PROGRAM, since=NOON), an_order(PROGRAM, at=NOON, lines=lines))
    ledger.apply(a_refund(PROGRAM, at=NOON + DAY, lines=[("1", 1, 4_000)]))
    ledger.apply(a_tier_change(PROGRAM, [(NOON - DAY, "silver")]))
    return ledger


def test_each_entry_is_the_difference_that_its_fact_makes() -> None:
    ledger = the_story()
    found = [ledger.explain(entry) for entry in ledger.entries(WHO)]
    steps = [(made.award_before, made.award_after, made.tier) for made in found if made]
    assert steps == [(0, 100, None), (100, 60, None), (60, 90, "silver")]


def test_the_explanation_names_the_excluded_line_and_why() -> None:
    ledger = the_story()
    made = ledger.explain(ledger.entries(WHO)[0])
    assert made is not None
    assert made.steps[0].figures["excluded"] == [
        {"what": "2", "amount_minor": 2_000, "reason": "kind gift-card"}
    ]
    assert [step.rule for step in made.steps] == ["base", "tier", "caps"]


def test_what_no_order_explains_has_no_explanation() -> None:
    ledger = Ledger(SETTINGS)
    ledger.apply(a_link(PROGRAM, since=NOON), a_check_in(PROGRAM, at=NOON))
    (entry,) = ledger.entries(WHO)
    assert (entry.kind, ledger.explain(entry)) == (EntryKind.ACTIVITY, None)


def test_what_an_earlier_completion_replaced_is_not_explained_wrongly() -> None:
    ledger = Ledger(SETTINGS)
    ledger.apply(a_link(PROGRAM, since=NOON), an_order(PROGRAM, at=NOON + DAY, amount_minor=5_000))
    ledger.apply(an_order(PROGRAM, at=NOON, amount_minor=3_000))
    earned, corrected = ledger.entries(WHO)
    assert ledger.explain(earned) is None
    made = ledger.explain(corrected)
    assert made is not None
    assert (made.award_before, made.award_after, corrected.amount) == (50, 30, -20)


@HISTORIES
@given(tellings(PARTS))
def test_every_entry_of_any_history_recomputes(telling: Telling) -> None:
    ledger = Ledger(SETTINGS)
    for batch in splits(telling.as_heard(PROGRAM), telling.cuts):
        ledger.apply(*batch)
    for entry in ledger.rows(Entry):
        made = ledger.explain(entry)
        if made is not None:
            assert made.award_after - made.award_before == entry.amount
            assert sum(share.points for share in made.lines) == made.steps[-1].points


@HISTORIES
@given(tellings(PARTS))
def test_the_ledger_is_a_function_of_the_facts_whatever_order_they_come_in(
    telling: Telling,
) -> None:
    plain, mixed = Ledger(SETTINGS), Ledger(SETTINGS)
    for event in telling.in_time(PROGRAM):
        plain.apply(event)
    for batch in splits(telling.as_heard(PROGRAM), telling.cuts):
        mixed.apply(*batch)
    assert mixed.end_state() == plain.end_state()


@HISTORIES
@given(tellings(PARTS))
def test_balances_are_the_sums_of_entries_and_of_open_lots_without_debt(telling: Telling) -> None:
    ledger = Ledger(SETTINGS)
    for batch in splits(telling.as_heard(PROGRAM), telling.cuts):
        ledger.apply(*batch)
    for account in ledger.rows(Account):
        mine = [lot for lot in ledger.rows(Lot) if lot.holder_id == account.holder_id]
        entries = ledger.entries(account.holder_id)
        assert account.balance == sum(entry.amount for entry in entries)
        assert account.open == sum(lot.open for lot in mine)
        assert account.debt == sum(lot.short for lot in mine)
        assert [entry.version for entry in entries] == list(range(1, account.version + 1))
    names = [entry.text_id for entry in ledger.rows(Entry)]
    assert len(names) == len(set(names)) == len(ledger.announced)
