"""Histories that a shop could have had, and the orders in which a service could hear of them.

The log keeps the order of one key and topic, nothing else: a member's tier changes and a customer's
links come in sequence, everything else in any order, repeated, cut into batches anywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from shared.events.envelope import Event
from tests.builders.events import instant
from tests.builders.members import a_link, a_tier_change, member
from tests.builders.storefront import (
    a_cancellation,
    a_check_in,
    a_line,
    a_refund,
    an_order,
    customer,
)

BEGIN = instant("2026-03-01 00:00")
DAYS = 12


class Told(Struct, frozen=True):
    """An event to be; those of one sequence keep their order."""

    at: datetime
    what: Callable[..., Event]
    values: Mapping[str, Any]
    sequence: str | None = None

    def make(self, program: str) -> Event:
        """The event in a program."""
        return self.what(program, **self.values)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.what.__name__}({given})"


class Telling(Struct, frozen=True):
    """A history, the order and repetition in which it is told, and where it is cut."""

    history: Sequence[Told]
    order: Sequence[int]
    cuts: Sequence[int]

    def in_time(self, program: str) -> list[Event]:
        """As it happened."""
        return [told.make(program) for told in sorted(self.history, key=lambda told: told.at)]

    def as_heard(self, program: str) -> list[Event]:
        """As a service hears it."""
        return [self.history[place].make(program) for place in self.order]


instants = st.integers(0, DAYS * 24 * 4 - 1).map(lambda n: BEGIN + timedelta(minutes=15 * n))
amounts = st.sampled_from([0, 99, 100, 1999, 5_000, 12_345, 100_000])


@st.composite
def orders(draw: st.DrawFn, buyers: Sequence[str]) -> list[Told]:
    """Orders with up to three lines, some refunded, cancelled or completed again."""
    told: list[Told] = []
    for number in range(draw(st.integers(1, 4))):
        no, buyer, at = f"A-{number}", draw(st.sampled_from(buyers)), draw(instants)
        paid = draw(st.lists(amounts, min_size=1, max_size=3))
        lines = [a_line(str(place), amount) for place, amount in enumerate(paid)]
        told.append(Told(at, an_order, {"no": no, "buyer": buyer, "at": at, "lines": lines}))
        for place in draw(st.sets(st.integers(0, len(paid) - 1), max_size=2)):
            net = draw(st.integers(0, paid[place]))
            later = at + draw(st.integers(1, 96)) * timedelta(minutes=15)
            values = {"no": f"R-{number}-{place}", "order": no, "buyer": buyer, "at": later}
            told.append(Told(later, a_refund, values | {"lines": [(str(place), 1, net)]}))
        if draw(st.integers(0, 5)) == 0:
            later = at + draw(st.integers(-96, 96)) * timedelta(minutes=15)
            told.append(Told(later, a_cancellation, {"order": no, "buyer": buyer, "at": later}))
        again = draw(instants)
        if again != at and draw(st.integers(0, 5)) == 0:
            values = {"no": no, "buyer": buyer, "at": again, "lines": [a_line("0", draw(amounts))]}
            told.append(Told(again, an_order, values))
    return told


@st.composite
def links(draw: st.DrawFn, buyers: Sequence[str], members: Sequence[str]) -> list[Told]:
    """Each customer is linked to a member, some later to another one, some never."""
    told: list[Told] = []
    for buyer in buyers:
        if draw(st.integers(0, 5)) == 0:
            continue
        first, second = draw(st.permutations(members))[:2]
        since = draw(instants)
        link = {"buyer": buyer, "who": first, "since": since, "revision": 1}
        told.append(Told(since, a_link, link, buyer))
        if draw(st.booleans()):
            moved = since + draw(st.integers(1, 400)) * timedelta(minutes=15)
            end = link | {"revision": 2, "ended_at": moved}
            told.append(Told(moved, a_link, end, buyer))
            other = {"buyer": buyer, "who": second, "since": moved, "revision": 3}
            told.append(Told(moved, a_link, other, buyer))
    return told


@st.composite
def tiers(draw: st.DrawFn, members: Sequence[str]) -> list[Told]:
    """Up to three tellings of each member's tiers, later ones replacing a tail of earlier ones."""
    told: list[Told] = []
    for who in members:
        for revision in range(1, draw(st.integers(0, 3)) + 1):
            start = BEGIN if revision == 1 else draw(instants)
            steps = sorted(draw(st.sets(instants, max_size=2)))
            places = [start, *(at for at in steps if at > start)]
            names = draw(
                st.lists(
                    st.sampled_from(["ordinary", "silver", "gold"]),
                    min_size=len(places),
                    max_size=len(places),
                )
            )
            segments = list(zip(places, names, strict=True))
            heard = BEGIN + timedelta(days=revision)
            values = {"segments": segments, "who": who, "revision": revision}
            told.append(Told(heard, a_tier_change, values | {"replaces_from": start}, who))
    return told


@st.composite
def check_ins(draw: st.DrawFn, buyers: Sequence[str]) -> list[Told]:
    """A few check-ins, several on one day among them."""
    found = draw(st.lists(st.tuples(st.sampled_from(buyers), instants), max_size=4))
    return [Told(at, a_check_in, {"buyer": buyer, "at": at}) for buyer, at in found]


@st.composite
def tellings(draw: st.DrawFn, parts: Sequence[st.SearchStrategy[list[Told]]]) -> Telling:
    """A history of these parts, told in some possible order, with repetitions and cuts."""
    history = [told for part in parts for told in draw(part)]
    order = in_sequence(history, draw(st.permutations(range(len(history)))))
    for again in draw(st.lists(st.sampled_from(order), max_size=3)) if order else []:
        first = order.index(again)
        order.insert(draw(st.integers(first + 1, len(order))), again)
    return Telling(history, order, draw(st.lists(st.integers(0, 30), max_size=5)))


def in_sequence(history: Sequence[Told], order: Sequence[int]) -> list[int]:
    """The order with each sequence put right: its members take its places in their own order."""
    right: dict[str, list[int]] = {}
    for place, told in enumerate(history):
        if told.sequence is not None:
            right.setdefault(told.sequence, []).append(place)
    waiting = {name: iter(places) for name, places in right.items()}
    return [
        next(waiting[name]) if (name := history[place].sequence) is not None else place
        for place in order
    ]


CUSTOMERS = [customer(1), customer(2)]
MEMBERS = [member(1), member(2)]
