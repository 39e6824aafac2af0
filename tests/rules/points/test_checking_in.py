"""Check-in points: once per member and local day of the event's time."""

from datetime import datetime
from itertools import permutations

import pytest

from services.points.model import ActivityFact, EntryKind
from services.points.rules.checking_in import credited
from services.points.settings import PointsSettings
from shared.ids import uuid_of
from shared.outcome import Skipped
from tests.builders.events import instant
from tests.builders.ledger import Ledger
from tests.builders.members import a_link, member
from tests.builders.storefront import a_check_in, customer
from tests.rules.points.facts import DAY, NOON, uuid

WHO = uuid_of(member())
BEFORE = NOON - 30 * DAY


def visited(*times: datetime, buyer: str = customer(), ledger: Ledger | None = None) -> Ledger:
    """A member who checked in at these times, heard of in this order."""
    ledger = ledger or Ledger()
    program = ledger.program.text_id
    ledger.apply(a_link(program, buyer=buyer, since=BEFORE))
    for at in times:
        ledger.apply(a_check_in(program, buyer=buyer, at=at))
    return ledger


@pytest.mark.parametrize(
    ("times", "points"),
    [
        (["2026-03-01 01:00"], 5),
        (["2026-03-01 01:00", "2026-03-01 09:00"], 5),
        (["2026-03-01 15:59:59", "2026-03-01 16:00:01"], 10),
        (["2026-02-28 16:00:00", "2026-03-01 15:59:59"], 5),
    ],
)
def test_a_local_day_gives_points_once(times: list[str], points: int) -> None:
    for order in permutations(times):
        ledger = visited(*map(instant, order))
        assert ledger.account(WHO).balance == points


def test_the_earliest_of_a_day_is_the_fact_and_posts_nothing_more() -> None:
    ledger = visited(NOON)
    fold = ledger.apply(a_check_in(ledger.program.text_id, at=NOON - DAY / 24))
    (fact,) = ledger.rows(ActivityFact)
    assert (fact.at, fact.points, fold.events) == (NOON - DAY / 24, 5, [])


def test_a_later_one_of_the_day_is_no_news() -> None:
    ledger = visited(NOON)
    again = a_check_in(ledger.program.text_id, at=NOON + DAY / 24)
    assert isinstance(ledger.apply(again).outcomes[again.id], Skipped)


def test_of_two_customers_of_one_member_the_earliest_has_the_day() -> None:
    ledger = visited(NOON)
    ledger = visited(NOON - DAY / 24, buyer=customer(2), ledger=ledger)
    given = {fact.customer_id: fact.points for fact in ledger.rows(ActivityFact)}
    assert given == {uuid_of(customer(1)): 0, uuid_of(customer(2)): 5}
    assert ledger.account(WHO).balance == 5


def test_without_a_link_the_fact_waits_and_with_it_the_points_come() -> None:
    ledger = Ledger()
    program = ledger.program.text_id
    ledger.apply(a_check_in(program, at=NOON))
    assert ledger.entries(WHO) == []
    ledger.apply(a_link(program, since=BEFORE))
    assert [entry.kind for entry in ledger.entries(WHO)] == [EntryKind.ACTIVITY]


def test_a_check_in_before_the_link_earns_stays_nobodys() -> None:
    ledger = Ledger()
    program = ledger.program.text_id
    ledger.apply(a_check_in(program, at=NOON), a_link(program, since=NOON + DAY))
    assert ledger.account(WHO).version == 0


def test_the_points_are_those_of_the_settings_in_force_then() -> None:
    ledger = Ledger(PointsSettings(validity="never", check_in={"points": 3}))
    ledger.publish(PointsSettings(validity="never", check_in={"points": 8}), NOON + DAY / 2)
    visited(NOON, NOON + DAY, ledger=ledger)
    assert [entry.amount for entry in ledger.entries(WHO)] == [3, 8]


def test_the_earliest_fact_gives_the_points_and_of_none_nobody() -> None:
    def fact(name: str, at: datetime) -> ActivityFact:
        return ActivityFact(1, uuid(name), 1, "2026-03-01", WHO, at, NOON.date(), uuid("e"), 0)

    early, late = fact("b", NOON), fact("a", NOON + DAY)
    assert credited([late, early]) == early
    assert credited([]) is None
    twins = [fact("a", NOON), fact("b", NOON)]
    assert credited(twins) == credited(twins[::-1])
