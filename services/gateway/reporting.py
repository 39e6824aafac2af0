"""What comparing a connection with its shop found, as it is shown."""

from typing import Any, Final
from uuid import UUID

from services.gateway import queries
from shared.days import render
from shared.http.reading import Reader
from shared.ids import text_id

MOST_APART: Final = 200


async def comparison_of(reader: Reader, connection_id: UUID) -> dict[str, Any]:
    """What the last comparison found: by day, and the orders that do not agree."""
    pull = await queries.find_compared_at(reader, connection_id)
    days = await queries.list_compared_days(reader, connection_id)
    apart = await queries.list_apart(reader, connection_id, MOST_APART)
    return {
        "compared_at": render(pull.ran_at) if pull is not None and pull.ran_at else None,
        "next_at": render(pull.due_at) if pull is not None else None,
        "days": [each._asdict() | {"day": each.day.isoformat()} for each in days],
        "orders": [
            {
                "order_id": text_id("ord", each.order_id),
                "order_no": each.order_no,
                "day": each.day.isoformat(),
                "currency": each.currency,
                "verdict": each.verdict,
                "shop_total_minor": each.shop_minor,
                "our_total_minor": each.our_minor,
            }
            for each in apart
        ],
    }
