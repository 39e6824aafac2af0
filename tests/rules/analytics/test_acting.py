"""Check-ins and activities as facts, and the store that a customer follows."""

from itertools import permutations
from typing import Any

from services.analytics.model import Customer, FactActivity
from services.analytics.rules.acting import activity, check_in
from services.analytics.rules.following import follow
from shared.events.storefront.activity import ActivityObject
from shared.ids import uuid_of
from tests.builders.storefront import STORE, a_check_in, an_activity, customer
from tests.rules.analytics.facts import DAY, HOUR, NOON, PROGRAM

SHOP = ActivityObject(kind="store")


def checked_in(at: Any) -> FactActivity:
    """A check-in as a fact."""
    return check_in(PROGRAM, at, a_check_in(PROGRAM.text_id, at=at).data)  # type: ignore[arg-type]


def did(at: Any = NOON, **drawn: Any) -> FactActivity:
    """An activity as a fact."""
    event = an_activity(PROGRAM.text_id, at=at, **drawn)
    return activity(PROGRAM, event, event.data)  # type: ignore[arg-type]


def favourite(at: Any, state: str) -> FactActivity:
    """A favourite of the store, on or off."""
    return did(at, action="favourite", thing=SHOP, state=state)


def test_a_check_in_is_one_fact_of_its_customer_and_day() -> None:
    assert checked_in(NOON).key == checked_in(NOON + HOUR).key
    assert checked_in(NOON).key != checked_in(NOON + DAY).key
    assert (checked_in(NOON).day, checked_in(NOON).hour) == (NOON.date(), 12)


def test_an_activity_is_a_fact_of_its_event() -> None:
    told = did(action="review", thing=ActivityObject(kind="product", id="P-11"))
    assert (told.kind, told.object_kind, told.object_id, told.done) == (1, 2, "P-11", True)
    assert did(action="visit", state="off").done is False
    assert did(action="visit").object_kind is None


def test_the_latest_favourite_of_a_store_says_whom_a_customer_follows() -> None:
    told = [favourite(NOON, "on"), favourite(NOON + DAY, "off"), favourite(NOON + 2 * DAY, "on")]
    nobody = Customer(1, uuid_of(customer()))
    for count, follows in ((1, uuid_of(STORE)), (2, None), (3, uuid_of(STORE))):
        found = set()
        for each in permutations(told[:count]):
            who = nobody
            for fact in each:
                who = follow(who, fact)
            found.add(who)
        assert {who.follows_store for who in found} == {follows}
        assert len(found) == 1


def test_other_activities_change_no_following() -> None:
    nobody = Customer(1, uuid_of(customer()))
    product = ActivityObject(kind="product", id="P-1")
    assert follow(nobody, did(action="favourite", thing=product)) == nobody
    assert follow(nobody, did(action="visit", thing=SHOP)) == nobody
    assert follow(nobody, checked_in(NOON)) == nobody
