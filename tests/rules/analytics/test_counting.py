"""What facts give to cells, and that a change moves them by the difference."""

import msgspec
import pytest
from msgspec.structs import replace

from services.analytics.measures import MEASURES, Measure
from services.analytics.model import Cell, DayHour, DayPoints, DayStore, DayTier, FactPoints
from services.analytics.rules.counting import move_cells, sum_points
from tests.rules.analytics.facts import DAY, NOON, STORE, order, refund, uuid

CNY = {1: "CNY"}
NAMES = [measure.name for measure in MEASURES]


def figures(cell: Cell) -> tuple[int, ...]:
    """The figures of a cell in the measures' order."""
    return tuple(getattr(cell, name) for name in NAMES)


def test_a_cell_has_one_column_per_measure_in_their_order() -> None:
    assert [field.name for field in msgspec.structs.fields(Cell)] == NAMES


@pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.name)
def test_every_measure_says_what_it_is(measure: Measure) -> None:
    assert measure.meaning
    unit = "minor units" if measure.name.endswith("_minor") else measure.unit
    assert measure.unit == unit


def test_an_order_gives_to_its_store_its_hour_and_its_tier() -> None:
    sold = order(refunded_minor=40, points=9, tier="gold")
    cells = move_cells([(None, sold)], CNY)
    assert {type(cell) for cell in cells} == {DayStore, DayHour, DayTier}
    assert {figures(cell) for cell in cells} == {(1, 1, 2, 100, 0, 60, 9)}
    by_kind = {type(cell): cell.key for cell in cells}
    place = (1, NOON.date(), STORE)
    assert by_kind == {DayStore: place, DayHour: (*place, 12), DayTier: (*place, "gold")}


def test_a_refund_gives_to_its_own_day_at_the_tier_of_its_order() -> None:
    cells = move_cells([(None, refund(at=NOON + 4 * DAY))], CNY)
    assert {figures(cell) for cell in cells} == {(0, 0, 0, 0, 30, 0, 0)}
    assert {cell.day for cell in cells} == {(NOON + 4 * DAY).date()}
    assert {cell.tier for cell in cells if isinstance(cell, DayTier)} == {"unknown"}


def test_another_currency_gives_no_money() -> None:
    cells = move_cells([(None, order(currency="USD", seq=2)), (None, refund(currency="USD"))], CNY)
    assert {figures(cell) for cell in cells} == {(1, 0, 2, 0, 0, 0, 0)}


def test_an_awaited_order_gives_nothing() -> None:
    assert move_cells([(order(at=None), order(at=None))], CNY) == []


def test_a_change_moves_the_cells_by_the_difference() -> None:
    cells = move_cells([(order(), order(refunded_minor=40, seq=2))], CNY)
    assert {figures(cell) for cell in cells} == {(0, -1, 0, 0, 0, -40, 0)}
    assert all(cell.lowers for cell in cells)


def test_what_does_not_change_moves_nothing() -> None:
    assert move_cells([(order(), replace(order(), member_id=uuid("M")))], CNY) == []


def test_another_tier_moves_from_cell_to_cell() -> None:
    cells = move_cells([(order(tier="silver"), order(tier="gold"))], CNY)
    moved = {cell.tier: cell.orders for cell in cells if isinstance(cell, DayTier)}
    assert (moved, len(cells)) == ({"silver": -1, "gold": 1}, 2)


def test_facts_of_one_cell_are_summed() -> None:
    cells = move_cells([(None, order("A")), (None, order("B", seq=2)), (None, refund())], CNY)
    assert {figures(cell) for cell in cells if isinstance(cell, DayStore)} == {
        (2, 1, 4, 200, 30, 200, 0)
    }


def entry(amount: int, kind: int = 1) -> FactPoints:
    """A ledger line as a fact."""
    name = uuid(f"{amount} {kind}")
    return FactPoints(1, name, uuid("M"), "points", kind, 1, 1, amount, NOON.date(), None)


def test_entries_are_summed_by_what_moved_them_even_to_nothing() -> None:
    cells = sum_points([entry(5), entry(-5), entry(7, kind=2)])
    day = NOON.date()
    assert cells == [
        DayPoints(1, day, "points", 1, 1, 1, 0),
        DayPoints(1, day, "points", 2, 1, 1, 7),
    ]
