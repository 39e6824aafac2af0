"""Histories as Hypothesis draws them: two customers and members, six orders, their coupons."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st

from shared.events.envelope import Event
from shared.ids import derive, text_id
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, member
from tests.builders.promises import a_gift, a_template, an_order_campaign
from tests.builders.storefront import (
    a_cancellation,
    a_line,
    a_refund,
    an_order,
    customer,
    order_id,
)

Tell = Callable[[str], Event]
"""An event of a program that is not drawn: its ids follow from the program."""

START = instant("2026-03-01 15:30")
"""Half an hour before midnight in Shanghai."""
END = START + timedelta(days=12)
BUYERS = {"A": 1, "B": 2, "C": 1, "D": 2, "E": 1, "F": None}
CURRENCIES = {"D": "USD"}
TEMPLATES = {name: text_id("cpt", derive("template", name)) for name in ("gift", "ten", "keep")}
CAMPAIGNS = {name: text_id("cmp", derive("campaign", name)) for name in TEMPLATES}
PROMISES = {
    "gift": (a_gift(a_template(per_member=9)), START, END),
    "ten": (an_order_campaign(a_template(stock=99, per_member=9)), START, END),
    "keep": (
        an_order_campaign(
            a_template(on_full_refund="keep", validity={"lasts_days": 2}), threshold_minor=5000
        ),
        START + timedelta(days=2),
        START + timedelta(days=6),
    ),
}

instants = st.integers(0, 10).map(lambda days: START + timedelta(days=days))
numbers = st.sampled_from(sorted(BUYERS))
amounts = st.sampled_from([3000, 6000, 10000, 16000])


def coupons(program: str) -> dict[str, str]:
    """Text ids of all coupons that there can be, by a name."""
    sources = [("gift", "new-member-gift", member(number)) for number in (1, 2)]
    sources += [
        (name, "after-order", order_id(program, no)) for name in ("ten", "keep") for no in BUYERS
    ]
    return {
        f"{name} {place}": text_id(
            "cpn", derive("coupon", program, TEMPLATES[name], channel, source, "1")
        )
        for place, (name, channel, source) in enumerate(sources)
    }


NAMES = sorted(coupons("prg_" + "a" * 26))


def telling(
    build: Callable[..., Event], **parts: st.SearchStrategy[Any]
) -> st.SearchStrategy[Tell]:
    """A builder with drawn arguments."""
    return st.fixed_dictionaries(parts).map(lambda drawn: lambda program: build(program, **drawn))


def _order(program: str, *, no: str, goods: int, fee: int, named: list[str], **drawn: Any) -> Event:
    buyer = BUYERS[no]
    lines = [a_line("1", goods), a_line("2", fee, kind="fee")]
    return an_order(
        program,
        no=no,
        buyer=customer(buyer) if buyer else None,
        lines=lines,
        currency=CURRENCIES.get(no, "CNY"),
        coupon_codes=["SUMMER", *(coupons(program)[name] for name in named)],
        **drawn,
    )


def _refund(program: str, *, order: str, goods: int, **drawn: Any) -> Event:
    buyer = BUYERS[order]
    lines = [("1", 1, goods)] if drawn["scope"] == "lines" else []
    return a_refund(
        program,
        order=order,
        buyer=customer(buyer) if buyer else None,
        lines=lines,
        currency=CURRENCIES.get(order, "CNY"),
        **drawn,
    )


def _cancellation(program: str, *, order: str, **drawn: Any) -> Event:
    buyer = BUYERS[order]
    return a_cancellation(program, order=order, buyer=customer(buyer) if buyer else None, **drawn)


orders = telling(
    _order,
    no=numbers,
    at=instants,
    goods=amounts,
    fee=st.sampled_from([0, 2000]),
    kind=st.sampled_from(["completed", "completed", "paid"]),
    named=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
)
cancellations = telling(_cancellation, order=numbers, at=instants)
joinings = telling(a_joining, who=st.sampled_from([member(1), member(2)]), at=instants)
refund_parts = st.fixed_dictionaries({
    "order": numbers,
    "at": instants,
    "goods": amounts,
    "amount_minor": st.sampled_from([0, 0, 4000]),
    "scope": st.sampled_from(["lines", "amount", "full"]),
})
link_parts = st.tuples(
    st.sampled_from([1, 2]),
    st.fixed_dictionaries({
        "who": st.sampled_from([member(1), member(2)]),
        "since": instants,
        "ended_at": st.one_of(st.none(), instants),
    }),
)


@st.composite
def histories(draw: st.DrawFn) -> Callable[[str], list[Event]]:
    """Events of one program, no id twice. Refunds have numbers of their own, links revisions."""
    tells: list[Tell] = draw(
        st.lists(st.one_of(orders, orders, cancellations, joinings), max_size=12)
    )
    drawn_refunds: list[dict[str, Any]] = draw(st.lists(refund_parts, max_size=4))
    for place, parts in enumerate(drawn_refunds):
        tells.append(partial(_refund, no=f"R-{place}", **parts))
    revisions = {1: 0, 2: 0}
    drawn_links: list[tuple[int, dict[str, Any]]] = draw(st.lists(link_parts, max_size=4))
    for number, parts in drawn_links:
        revisions[number] += 1
        tells.append(partial(a_link, buyer=customer(number), revision=revisions[number], **parts))

    def tell(program: str) -> list[Event]:
        events = [each(program) for each in tells]
        return list({event.id: event for event in events}.values())

    return tell
