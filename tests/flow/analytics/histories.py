"""Histories as Hypothesis draws them: two customers, two members, everything analytics is told."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from shared.events.envelope import Event
from shared.events.storefront.activity import ActivityObject
from shared.ids import derive, text_id
from tests.builders.campaigns import a_coupon, a_coupon_change
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change, member
from tests.builders.points import an_entry
from tests.builders.storefront import (
    a_cancellation,
    a_check_in,
    a_line,
    a_refund,
    an_activity,
    an_order,
    customer,
)

Tell = Callable[[str], Event]
"""An event of a program that is not drawn: its ids follow from the program."""

START = instant("2026-03-01 15:30")
"""Half an hour before midnight in Shanghai."""
STORES = (text_id("sto", derive("north")), text_id("sto", derive("south")))
TIERS = ("ordinary", "silver", "gold")

instants = st.integers(0, 10).map(lambda n: START + timedelta(minutes=20 * n))
buyers = st.sampled_from([customer(1), customer(2)])
members = st.sampled_from([member(1), member(2)])
numbers = st.sampled_from(["A", "B", "C", "D"])
amounts = st.integers(0, 30)
stores = st.sampled_from(STORES)
currencies = st.sampled_from(["CNY", "CNY", "CNY", "USD"])


def telling(
    build: Callable[..., Event], **parts: st.SearchStrategy[Any]
) -> st.SearchStrategy[Tell]:
    """A builder with drawn arguments."""
    return st.fixed_dictionaries(parts).map(lambda drawn: partial(build, **drawn))


def _order(program: str, *, pieces: int, fee: int, **drawn: Any) -> Event:
    goods = a_line("1", drawn.pop("amount_minor"), quantity=pieces)
    lines = [goods, a_line("2", fee, kind="fee")] if fee else [goods]
    return an_order(program, lines=lines, **drawn)


orders = telling(
    _order,
    no=numbers,
    buyer=st.one_of(buyers, buyers, st.none()),
    at=instants,
    amount_minor=amounts,
    pieces=st.integers(1, 3),
    fee=st.integers(0, 2),
    store=st.just(STORES[0]),
    currency=currencies,
)
refunds = telling(
    a_refund,
    no=st.sampled_from(["R", "S", "T"]),
    order=st.one_of(numbers, numbers, st.just("Z"), st.none()),
    buyer=st.one_of(buyers, st.none()),
    at=instants,
    amount_minor=amounts,
    scope=st.sampled_from(["amount", "amount", "full"]),
    currency=currencies,
    store=st.just(STORES[0]),
)
cancellations = telling(a_cancellation, order=numbers, at=instants, store=st.just(STORES[0]))
check_ins = telling(a_check_in, buyer=buyers, at=instants, store=stores)
activities = telling(
    an_activity,
    buyer=buyers,
    at=instants,
    action=st.sampled_from(["favourite", "favourite", "visit"]),
    thing=st.one_of(st.none(), st.just(ActivityObject(kind="store"))),
    state=st.sampled_from(["on", "off"]),
    store=stores,
)
joinings = telling(a_joining, who=members, at=instants)
entries = telling(
    lambda program, *, name, order, change, **drawn: an_entry(
        program,
        name=f"{name}{order}",
        order=order,
        kind=change[0],
        account=change[1],
        source_kind=change[2],
        **drawn,
    ),
    name=st.integers(1, 2),
    order=st.one_of(numbers, numbers, st.none()),
    who=st.just(member(1)),
    at=st.just(START),
    amount=st.integers(-9, 9),
    change=st.sampled_from([
        ("earn", "issued", "order"),
        ("correct", "issued", "tier"),
        ("claw-back", "reversed", "refund"),
        ("expire", "expired", "lot"),
    ]),
)
coupons = telling(
    lambda program, *, step: (
        a_coupon(program, version=step) if step % 2 else a_coupon_change(program, version=step)
    ),
    step=st.integers(1, 4),
)


def _linked(places: list[tuple[str, str, Any, Any]]) -> list[Tell]:
    """Links under rising revisions of their customer."""
    revisions: dict[str, int] = {}
    told: list[Tell] = []
    for buyer, who, since, minutes in places:
        revisions[buyer] = revisions.get(buyer, 0) + 1
        drawn: dict[str, Any] = {
            "buyer": buyer,
            "who": who,
            "since": since,
            "revision": revisions[buyer],
            "ended_at": None if minutes is None else since + timedelta(minutes=minutes),
        }
        told.append(partial(a_link, **drawn))
    return told


def _tiered(places: list[tuple[str, Any, int, list[tuple[int, str]]]]) -> list[Tell]:
    """Tier changes under rising revisions of their member."""
    revisions: dict[str, int] = {}
    told: list[Tell] = []
    for who, start, back, steps in places:
        revisions[who] = revisions.get(who, 0) + 1
        segments = [(start + timedelta(minutes=20 * n), tier) for n, tier in sorted(steps)]
        drawn: dict[str, Any] = {
            "who": who,
            "segments": segments,
            "revision": revisions[who],
            "replaces_from": start - timedelta(minutes=20 * back),
        }
        told.append(partial(a_tier_change, **drawn))
    return told


ends = st.one_of(st.none(), st.integers(0, 120))
links = st.lists(st.tuples(buyers, members, instants, ends), max_size=4).map(_linked)
segments = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(TIERS)),
    min_size=1,
    max_size=3,
    unique_by=lambda step: step[0],
)
tiers = st.lists(st.tuples(members, instants, st.integers(0, 2), segments), max_size=4).map(_tiered)
facts = st.lists(
    st.one_of(
        orders, orders, orders, refunds, cancellations, check_ins, activities, joinings, entries,
        coupons,
    ),
    max_size=14,
)  # fmt: skip


def consistent(events: list[Event]) -> list[Event]:
    """What one history can hold: each id with one content (the inbox sees to that)."""
    return list({event.id: event for event in events}.values())


histories = st.tuples(facts, links, tiers).map(
    lambda parts: lambda program: consistent([tell(program) for part in parts for tell in part])
)
