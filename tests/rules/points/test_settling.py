"""One order against what is posted: what makes the order of arrival irrelevant."""

from datetime import datetime

import pytest

from services.points.model import (
    Entry,
    EntryKind,
    Lot,
    PurchaseStatus,
    Refund,
    SourceKind,
    TierSpan,
)
from services.points.rules.settling import source_of, tier_before
from services.points.settings import PointsSettings
from shared.events.envelope import Event
from shared.ids import uuid_of
from shared.outcome import Refused, Skipped
from tests.builders.ledger import Ledger
from tests.builders.members import a_link, a_tier_change, member
from tests.builders.programs import PROGRAM
from tests.builders.storefront import (
    a_cancellation,
    a_line,
    a_refund,
    an_order,
    customer,
    order_id,
)
from tests.rules.points.facts import DAY, HOLDER, NOON, uuid

WHO, OTHER = uuid_of(member()), uuid_of(member(2))
HOUR = DAY / 24
BEFORE = NOON - 30 * DAY
Kinds = list[tuple[EntryKind, int]]


def told(*batches: Event | list[Event], settings: PointsSettings | None = None) -> Ledger:
    """A ledger that heard these batches, after the customer was linked."""
    ledger = Ledger(settings)
    ledger.apply(a_link(PROGRAM, since=BEFORE))
    for batch in batches:
        ledger.apply(*(batch if isinstance(batch, list) else [batch]))
    return ledger


def posted(ledger: Ledger, who: object = WHO) -> Kinds:
    """Kinds and amounts of a member's entries."""
    return [
        (EntryKind(entry.kind), entry.amount)
        for entry in ledger.rows(Entry)
        if entry.holder_id == who
    ]


ORDER = an_order(PROGRAM, at=NOON, amount_minor=10_000)
GOLD = a_tier_change(PROGRAM, [(NOON - HOUR, "gold")], replaces_from=NOON - HOUR)


def span(at: datetime, tier: str) -> TierSpan:
    """From an instant on a tier is in force."""
    return TierSpan(1, HOLDER, 1, 0, at, tier, 1)


@pytest.mark.parametrize(
    ("spans", "tier", "since"),
    [
        ([], None, None),
        ([span(NOON - DAY, "silver")], "silver", NOON - DAY),
        ([span(NOON, "gold")], "gold", None),
        ([span(NOON - DAY, "silver"), span(NOON, "gold")], "silver", NOON - DAY),
        ([span(NOON - DAY, "silver"), span(NOON - HOUR, "gold")], "gold", NOON - HOUR),
        ([span(NOON + DAY, "ordinary"), span(NOON + 2 * DAY, "gold")], "ordinary", None),
    ],
)
def test_the_tier_strictly_before(
    spans: list[TierSpan], tier: str | None, since: datetime | None
) -> None:
    assert tier_before(spans, NOON) == (tier, since)


def test_an_order_is_earned_once_however_often_it_is_told() -> None:
    ledger = told(ORDER, ORDER)
    assert posted(ledger) == [(EntryKind.EARN, 100)]


def test_a_tier_that_turns_out_to_have_been_in_force_corrects() -> None:
    ledger = told(ORDER, GOLD)
    assert posted(ledger) == [(EntryKind.EARN, 100), (EntryKind.CORRECT, 100)]
    correction = ledger.entries(WHO)[-1]
    assert (correction.at, correction.source_kind) == (NOON, SourceKind.TIER)
    (lot,) = ledger.rows(Lot)
    assert (lot.granted, lot.earned_at) == (200, NOON)


def test_the_tier_that_the_order_itself_reached_changes_nothing() -> None:
    base = [(NOON - DAY, "ordinary"), (NOON, "gold")]
    ledger = told(ORDER, a_tier_change(PROGRAM, base))
    assert posted(ledger) == [(EntryKind.EARN, 100)]


def test_a_tier_change_after_the_order_leaves_it_alone() -> None:
    ledger = told(
        ORDER,
        a_tier_change(PROGRAM, [(NOON - DAY, "ordinary")]),
        a_tier_change(PROGRAM, [(NOON + HOUR, "gold")], revision=2),
    )
    assert posted(ledger) == [(EntryKind.EARN, 100)]


def test_an_older_revision_of_tiers_is_no_news() -> None:
    late = a_tier_change(PROGRAM, [(NOON - HOUR, "gold")], revision=1)
    ledger = told(ORDER, a_tier_change(PROGRAM, [(NOON - DAY, "ordinary")], revision=2))
    assert isinstance(ledger.apply(late).outcomes[late.id], Skipped)
    assert posted(ledger) == [(EntryKind.EARN, 100)]


def test_another_ladder_than_the_primary_multiplies_nothing() -> None:
    ledger = told(ORDER, a_tier_change(PROGRAM, [(NOON - HOUR, "gold")], primary=False))
    assert posted(ledger) == [(EntryKind.EARN, 100)]


@pytest.mark.parametrize("first", ["early", "late"])
def test_of_two_completions_the_earliest_counts(first: str) -> None:
    early = an_order(PROGRAM, at=NOON, amount_minor=10_000)
    late = an_order(PROGRAM, at=NOON + HOUR, amount_minor=10_000)
    ledger = told(*([early, late] if first == "early" else [late, early]))
    assert posted(ledger) == [(EntryKind.EARN, 100)]
    assert ledger.purchase(order_id(PROGRAM, "A-1")).completed_at == NOON


@pytest.mark.parametrize("amount_minor", [10_000, 7_000])
def test_points_are_as_old_as_the_earliest_completion(amount_minor: int) -> None:
    """Whenever it is told, and whether it changes their number or not: they lapse earlier."""
    late = an_order(PROGRAM, at=NOON + 40 * DAY, amount_minor=10_000)
    early = an_order(PROGRAM, at=NOON, amount_minor=amount_minor)
    settings = PointsSettings(validity="months:12")
    (once,) = told(early, settings=settings).rows(Lot)
    (moved,) = told(late, early, settings=settings).rows(Lot)
    assert moved == once


@pytest.mark.parametrize("batch", [True, False])
def test_a_refund_before_its_order_ends_as_one_after_it(*, batch: bool) -> None:
    order = an_order(PROGRAM, at=NOON, lines=[a_line("1", 3_000, quantity=3)])
    back = a_refund(PROGRAM, at=NOON + DAY, lines=[("1", 2, 2_000)])
    after, before = told(order, back), told([back, order] if batch else back, order)
    assert posted(after) == [(EntryKind.EARN, 30), (EntryKind.CLAW_BACK, -20)]
    assert posted(before) == [(EntryKind.EARN, 10)]
    assert after.end_state() == before.end_state()


def test_lines_of_which_each_alone_would_be_cut_are_taken_back_by_the_difference() -> None:
    order = an_order(PROGRAM, at=NOON, lines=[a_line("1", 3_350), a_line("2", 3_350)])
    ledger = told(
        order,
        a_refund(PROGRAM, no="R-1", at=NOON + DAY, lines=[("1", 1, 3_350)]),
        a_refund(PROGRAM, no="R-2", at=NOON + 2 * DAY, lines=[("2", 1, 3_350)]),
    )
    assert posted(ledger) == [
        (EntryKind.EARN, 67),
        (EntryKind.CLAW_BACK, -34),
        (EntryKind.CLAW_BACK, -33),
    ]
    assert ledger.purchase(order_id(PROGRAM, "A-1")).status == PurchaseStatus.REVERSED


def test_more_than_the_order_was_is_clipped_and_said() -> None:
    ledger = told(ORDER, a_refund(PROGRAM, at=NOON + DAY, lines=[("1", 1, 12_000)]))
    assert posted(ledger) == [(EntryKind.EARN, 100), (EntryKind.CLAW_BACK, -100)]
    (refund,) = ledger.rows(Refund)
    assert refund.clipped_minor == 2_000


def test_a_cancellation_takes_all_and_completed_again_it_stands_again() -> None:
    again = an_order(PROGRAM, at=NOON + 2 * DAY, amount_minor=10_000)
    ledger = told(ORDER, a_cancellation(PROGRAM, at=NOON + DAY), again)
    assert posted(ledger) == [
        (EntryKind.EARN, 100),
        (EntryKind.CLAW_BACK, -100),
        (EntryKind.CORRECT, 100),
    ]


def test_a_cancellation_before_completion_that_is_known_later_takes_all() -> None:
    ledger = told(a_cancellation(PROGRAM, at=NOON + DAY), ORDER)
    assert posted(ledger) == []
    assert ledger.account(WHO).balance == 0


def test_an_order_waits_for_its_link_and_one_before_it_is_not_claimed() -> None:
    ledger = Ledger()
    ledger.apply(ORDER)
    key = order_id(PROGRAM, "A-1")
    assert ledger.purchase(key).status == PurchaseStatus.UNCLAIMED
    ledger.apply(a_link(PROGRAM, since=NOON + DAY))
    assert ledger.purchase(key).status == PurchaseStatus.UNCLAIMABLE
    ledger.apply(a_link(PROGRAM, since=NOON, revision=2))
    assert ledger.purchase(key).status == PurchaseStatus.CONFIRMED
    assert posted(ledger) == [(EntryKind.EARN, 100)]


def test_a_link_that_moves_takes_the_points_along() -> None:
    ledger = told(
        ORDER,
        a_link(PROGRAM, since=BEFORE, revision=2, ended_at=BEFORE),
        a_link(PROGRAM, since=BEFORE, revision=3, who=member(2)),
    )
    assert posted(ledger) == [(EntryKind.EARN, 100), (EntryKind.CLAW_BACK, -100)]
    assert posted(ledger, OTHER) == [(EntryKind.CORRECT, 100)]
    assert ledger.account(WHO).balance == 0
    assert ledger.account(OTHER).balance == 100


def test_another_currency_earns_nothing_and_is_refused_in_words() -> None:
    ledger = told()
    order = an_order(PROGRAM, at=NOON, currency="USD")
    outcome = ledger.apply(order).outcomes[order.id]
    assert isinstance(outcome, Refused)
    assert outcome.code == "currency"
    assert ledger.account(WHO).balance == 0


def test_a_refund_that_names_no_order_takes_nothing_and_is_refused() -> None:
    ledger = told(ORDER)
    back = a_refund(PROGRAM, order=None, at=NOON + DAY, amount_minor=100)
    outcome = ledger.apply(back).outcomes[back.id]
    assert isinstance(outcome, Refused)
    assert outcome.code == "order-unnamed"
    assert posted(ledger) == [(EntryKind.EARN, 100)]


def test_a_guests_order_is_nobodys() -> None:
    ledger = told(an_order(PROGRAM, at=NOON, buyer=None))
    assert ledger.rows(Entry) == []
    assert ledger.purchase(order_id(PROGRAM, "A-1")).status == PurchaseStatus.UNCLAIMED


def test_points_paid_are_spread_over_the_lines_and_earn_nothing() -> None:
    order = an_order(
        PROGRAM, at=NOON, lines=[a_line("1", 5_000), a_line("2", 5_000)], points_paid_minor=4_000
    )
    ledger = told(order, a_refund(PROGRAM, at=NOON + DAY, lines=[("1", 1, 5_000)]))
    assert posted(ledger) == [(EntryKind.EARN, 60), (EntryKind.CLAW_BACK, -30)]


def test_the_settings_are_those_of_the_completion() -> None:
    ledger = told()
    ledger.publish(PointsSettings(validity="never", unit=2_000), NOON + HOUR)
    ledger.apply(
        an_order(PROGRAM, no="A-1", at=NOON, amount_minor=10_000),
        an_order(PROGRAM, no="A-2", at=NOON + HOUR, amount_minor=10_000),
    )
    assert posted(ledger) == [(EntryKind.EARN, 100), (EntryKind.EARN, 5)]
    assert [entry.rule_version for entry in ledger.entries(WHO)] == [1, 2]


def test_orders_of_other_customers_are_left_alone() -> None:
    ledger = told([ORDER, an_order(PROGRAM, no="B-1", buyer=customer(2), at=NOON)])
    assert ledger.purchase(order_id(PROGRAM, "B-1")).holder_id is None


@pytest.mark.parametrize("kind", ["cancel", "tier", "link", "settings", "order"])
def test_a_later_fact_is_a_source_together_with_the_order(kind: str) -> None:
    one, other = source_of(kind, uuid("f"), uuid("A")), source_of(kind, uuid("f"), uuid("B"))
    assert one[0] == other[0] == SourceKind[kind.upper()]
    assert one[1] != other[1]
    assert source_of(kind, uuid("f"), uuid("A")) == one


def test_a_refund_is_a_source_by_itself() -> None:
    assert source_of("refund", uuid("R"), uuid("A")) == (SourceKind.REFUND, uuid("R"))
