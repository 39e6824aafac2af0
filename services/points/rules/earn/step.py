"""What an earning rule gets and gives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct

from services.points.model import Line
from services.points.settings import PointsSettings


class Basket(Struct, frozen=True, gc=False):
    """An order as the earning rules see it: what is left of it, and for whom."""

    lines: Sequence[Line]
    shipping_minor: int
    store_id: UUID
    settings: PointsSettings
    tier: str | None
    """Tier in force strictly before the completion; None while none is known."""
    tier_since: datetime | None = None


class Step(Struct, frozen=True, gc=False):
    """What a rule made of the points so far.

    A rule's own class adds what it reckoned with; `figures` puts it into words, for explanations
    alone.
    """

    rule: ClassVar[str]
    points: int

    @property
    def bp(self) -> int | None:
        """Its multiplier in basis points, if it is one."""
        return None

    @property
    def figures(self) -> dict[str, Any]:
        """What explains it, as JSON."""
        return {"points": self.points}
