"""The same basket, bought at any kind of shop, is the same to every service."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from services.gateway.connectors.port import Heard
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from tests.builders.baskets import BACK, BASKETS, DISCOUNT, LINES
from tests.rules.gateway.heard import events

PLATFORMS = sorted(BASKETS.keys() - {"generic"})
OURS = BASKETS["generic"]()


def told(said: Heard, source: str) -> list[Any]:
    """Its events. How sure it is who sent them differs by the kind of shop, and nothing else."""
    return [structs.replace(each, assurance="high") for each in events(said, source)]


def completions(said: Heard, source: str) -> Sequence[Any]:
    """What completes the order, by its shop's word or when its time comes."""
    found = told(said, source)
    if said.pending is None:
        return [each for each in found if isinstance(each, OrderCompleted)]
    due = said.pending.due_at
    paid = structs.asdict(found[0])
    return [OrderCompleted(**paid, completed_at=due, completed_by="policy")]


def test_the_discount_of_the_whole_order_is_spread_as_platforms_do() -> None:
    """Pro rata to what is left of each line; they tell only what it came to."""
    (paid,) = told(OURS.paid, "generic")
    assert isinstance(paid, OrderPaid)
    assert [line.net_minor for line in paid.lines] == [line.net for line in LINES]
    assert paid.discount_minor == DISCOUNT + sum(line.off for line in LINES)


@pytest.mark.parametrize("source", PLATFORMS)
def test_a_platforms_order_is_that_of_a_shop_of_ones_own(source: str) -> None:
    assert told(BASKETS[source]().paid, source) == told(OURS.paid, "generic")


@pytest.mark.parametrize("source", PLATFORMS)
def test_its_completion_is_too(source: str) -> None:
    """By policy where the shop never tells of receipt."""
    said = BASKETS[source]().completed
    (ours,) = told(OURS.completed, "generic")
    by = "confirmed" if said.pending is None else "policy"
    assert completions(said, source) == [structs.replace(ours, completed_by=by)]


@pytest.mark.parametrize("source", sorted(set(PLATFORMS) - {"woocommerce"}))
def test_a_line_given_back_is_one_given_back_anywhere(source: str) -> None:
    """Youzan does not say the SKU; the line is found by its id."""
    (theirs,) = told(BASKETS[source]().returned, source)
    (ours,) = told(OURS.returned, "generic")
    if source == "youzan":
        ours = structs.replace(ours, lines=[structs.replace(ours.lines[0], sku="")])
    assert theirs == ours


def test_the_refund_of_woocommerce_gives_back_as_much() -> None:
    """It tells no lines: points spreads the amount over them."""
    _, refund = told(BASKETS["woocommerce"]().returned, "woocommerce")
    assert (refund.total_minor, refund.amount_minor, refund.lines) == (BACK.net, BACK.net, [])
