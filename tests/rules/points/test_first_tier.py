"""The first tier that is heard of: the order had it all along."""

from services.points.settings import PointsSettings
from shared.ids import uuid_of
from tests.builders.ledger import Ledger
from tests.builders.members import a_link, a_tier_change, member
from tests.builders.programs import PROGRAM
from tests.builders.storefront import a_refund, an_order, order_id
from tests.rules.points.facts import NOON

WHO = uuid_of(member())
A = order_id(PROGRAM, "A-1")
LINK = a_link(PROGRAM, since=NOON)
ORDER = an_order(PROGRAM, at=NOON, amount_minor=10_000)
TIER = a_tier_change(PROGRAM, [(NOON, "ordinary")])
WHOLE = a_refund(PROGRAM, at=NOON, lines=[("1", 1, 10_000)])


def test_a_first_tier_that_multiplies_nothing_leaves_no_trace() -> None:
    """Whether it is told before the order or after it, the same row stays."""
    before, after = (Ledger(PointsSettings(validity="never")) for _ in range(2))
    before.apply(LINK, TIER, ORDER)
    after.apply(LINK, ORDER)
    after.apply(TIER)
    assert before.purchase(A) == after.purchase(A)
    assert (after.purchase(A).tier, after.purchase(A).body.changes) == (
        "ordinary", [],
    )  # fmt: skip


def test_a_first_tier_that_multiplies_is_noted_even_where_nothing_is_left_to_give() -> None:
    """Else what was earned before it would be explained by a rate that did not count then."""
    ledger = Ledger(PointsSettings(validity="never", tier_bp={"ordinary": 12_000}))
    for event in (LINK, ORDER, WHOLE, TIER):
        ledger.apply(event)
    changes = ledger.purchase(A).body.changes
    assert [(change.kind, change.points) for change in changes] == [("refund", -100), ("tier", 0)]
    made = [ledger.explain(entry) for entry in ledger.entries(WHO)]
    assert [(each.award_before, each.award_after) for each in made if each] == [(0, 100), (100, 0)]
