"""What a shop sends to the generic connector: `an_order_sent(order_id="A-1", total_minor=1999)`."""

from collections.abc import Mapping
from typing import Any

COMPLETED_AT = "2026-03-01T10:00:00+08:00"


def a_line_sent(**changes: Any) -> dict[str, Any]:
    """One line of 19.99."""
    return {"line_id": "1", "sku": "LS-01", "quantity": 1, "list_minor": 1999} | changes


def an_order_sent(
    *lines: Mapping[str, Any], kind: str = "order.completed", **changes: Any
) -> dict[str, Any]:
    """A completed order of one line, by buyer u-1001."""
    values: dict[str, Any] = {
        "type": kind,
        "order_id": "A-1",
        "currency": "CNY",
        "customer": {"id": "u-1001"},
        "placed_at": "2026-02-25T20:15:00+08:00",
        "paid_at": "2026-02-25T20:16:30+08:00",
        "lines": list(lines or [a_line_sent()]),
    }
    if kind == "order.completed":
        values["completed_at"] = COMPLETED_AT
    values["total_minor"] = sum(
        line["list_minor"] - line.get("discount_minor", 0) for line in values["lines"]
    )
    return values | changes


def a_refund_sent(net_minor: int = 1999, **changes: Any) -> dict[str, Any]:
    """A refund of the one line of order A-1."""
    return {
        "type": "refund",
        "refund_id": "R-1",
        "order_id": "A-1",
        "currency": "CNY",
        "customer": {"id": "u-1001"},
        "refunded_at": "2026-03-05T15:00:00+08:00",
        "lines": [{"line_id": "1", "sku": "LS-01", "quantity": 1, "net_minor": net_minor}],
        "total_minor": net_minor,
        "scope": "lines",
    } | changes


def a_check_in_sent(day: str = "2026-03-02", buyer: str = "u-1001") -> dict[str, Any]:
    """A check-in at nine in the morning."""
    return {
        "type": "check-in",
        "customer": {"id": buyer},
        "occurred_at": f"{day}T09:00:00+08:00",
    }
