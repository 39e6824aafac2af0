"""The number of an order among its subject's: 1st, 2nd … by completion, then by id.

All completed orders count, cancelled and refunded ones too, in whatever currency. A late order
takes its place and those after it move on.

| completed | number |
|---|---|
| 1 March, 3 March | 1, 2 |
| 1 March, 3 March; then 2 March arrives | 1, 3; 2 |
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from services.analytics.model import FactOrder, Key, Tail


def moved(
    stored: Mapping[Key, FactOrder], changed: Iterable[FactOrder]
) -> dict[Key, list[FactOrder]]:
    """Subjects whose orders must be numbered again: the orders that left or came to them.

    `stored` are the orders as they were before.
    """
    found: dict[Key, list[FactOrder]] = {}
    for order in changed:
        before = stored.get(order.key)
        if before is not None and _place(before) == _place(order):
            continue
        for each in (before, order):
            if each is not None and each.subject is not None:
                found.setdefault(each.subject, []).append(each)
    return found


def number(orders: Iterable[FactOrder], tail: Tail) -> list[FactOrder]:
    """A subject's orders from an instant on with their numbers; `tail` says how many are before.

    Orders before the instant are left out. By completion, then by id.
    """
    later = [each for each in orders if each.completed_at and each.completed_at >= tail.since]
    later.sort(key=lambda each: (each.completed_at, each.order_id))
    return [replace(order, seq=place) for place, order in enumerate(later, tail.before + 1)]


def _place(order: FactOrder) -> tuple[object, ...]:
    return order.subject_id, order.completed_at
