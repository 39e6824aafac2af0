"""Of two completions of one order the earliest counts."""

from msgspec.structs import replace

from services.analytics.model import decode_lines
from services.analytics.rules.completing import completed, earliest
from shared.ids import uuid_of
from tests.builders.storefront import a_line, an_order
from tests.rules.analytics.facts import HOUR, NOON, PROGRAM, order


def test_goods_are_counted_apart_from_fees_and_shipping() -> None:
    lines = [
        a_line("1", 500, quantity=3),
        a_line("2", 70, kind="fee"),
        a_line("3", 30, kind="gift-card", quantity=2),
    ]
    data = an_order(PROGRAM.text_id, at=NOON, lines=lines, shipping_minor=10).data
    told = completed(PROGRAM, NOON, data)  # type: ignore[arg-type]
    assert (told.goods_minor, told.units, told.total_minor) == (500, 3, 610)
    assert told.line_count == 3
    assert [line.net_minor for line in decode_lines(told.lines)] == [500, 70, 30]
    assert told.order_id == uuid_of(data.order_id)  # type: ignore[union-attr]
    assert (told.subject_id, told.tier, told.seq, told.points) == (None, None, None, 0)


def test_the_first_telling_is_taken_as_it_is() -> None:
    assert earliest(order(at=None), order()) == order()


def test_an_earlier_telling_takes_the_place_and_keeps_the_latest_instant() -> None:
    told = earliest(order(seq=4), order(at=NOON - HOUR, total_minor=7, seq=None))
    expected = order(at=NOON - HOUR, total_minor=7, seq=4)
    assert told == replace(expected, completed_last_at=NOON)


def test_a_later_telling_moves_the_latest_instant_alone() -> None:
    told = earliest(order(), order(at=NOON + HOUR, total_minor=7))
    assert told == replace(order(), completed_last_at=NOON + HOUR)


def test_a_telling_between_the_two_changes_nothing() -> None:
    known = replace(order(), completed_last_at=NOON + 2 * HOUR)
    assert earliest(known, order(at=NOON + HOUR)) is None
    assert earliest(known, order()) is None
