"""1st, 2nd … order of a subject."""

from msgspec.structs import replace

from services.analytics.model import Tail
from services.analytics.rules.numbering import moved, number
from tests.rules.analytics.facts import DAY, NOON, order, uuid

A, B, C = (order(name, at=NOON + n * DAY, seq=n + 1) for n, name in enumerate("ABC"))


def test_orders_are_numbered_by_completion_then_by_id() -> None:
    twin = order("twin", at=NOON)
    first, second = sorted([A, twin], key=lambda each: each.order_id)
    found = number([C, twin, B, A], Tail(NOON, 0))
    assert [each.order_id for each in found] == [o.order_id for o in (first, second, B, C)]
    assert [each.seq for each in found] == [1, 2, 3, 4]


def test_numbers_go_on_from_those_before_the_tail() -> None:
    found = number([A, B, C], Tail(NOON + DAY, 7))
    assert [(each.order_id, each.seq) for each in found] == [(B.order_id, 8), (C.order_id, 9)]


def test_an_order_that_changes_its_subject_concerns_both() -> None:
    old, new = uuid("subject"), uuid("member")
    after = replace(A, subject_id=new)
    assert moved({A.key: A}, [after]) == {(1, old): [A], (1, new): [after]}


def test_an_order_that_is_completed_earlier_concerns_its_subject() -> None:
    after = order("A", at=NOON - DAY)
    assert moved({A.key: A}, [after]) == {A.subject: [A, after]}


def test_a_new_order_concerns_its_subject_and_a_guests_nobody() -> None:
    awaited = order("A", at=None)
    assert moved({awaited.key: awaited}, [A]) == {A.subject: [A]}
    assert moved({}, [order("G", subject_id=None)]) == {}


def test_what_keeps_its_place_concerns_nobody() -> None:
    assert moved({A.key: A}, [replace(A, points=5, tier="gold", refunded_minor=9)]) == {}
