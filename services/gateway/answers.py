"""What became of what a delivery said, and how that is recorded."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.gateway.connectors import generic
from services.gateway.connectors.port import Connector
from services.gateway.model import Answer, Delivery, part_id
from services.gateway.orders.model import Key
from services.gateway.rules.normalising import Shop
from shared.clock import monotonic

_BY_WEIGHT: Final = (
    "failed",
    "conflict",
    "published",
    "fetching",
    "waiting",
    "duplicate",
    "ignored",
)


class Delivered(Struct, frozen=True):
    """A delivery that is authentic."""

    shop: Shop
    connector: Connector
    headers: Mapping[str, str]
    secret: str | None
    raw: bytes
    began: float
    id: UUID

    @property
    def own(self) -> bool:
        """Whether a shop of one's own sent it, in the generic form."""
        return self.connector.SOURCE == generic.SOURCE

    @property
    def source_id(self) -> str:
        """What a repeat has in common with it."""
        return self.connector.delivery_id(self.raw, self.headers)

    def place(self, part: int) -> Key:
        """What the n-th thing that it says is recorded under."""
        return self.shop.connection.program_id, part_id(self.id, part)


def worst(answers: Sequence[Answer]) -> str:
    """What became of a delivery, of whose parts different things did."""
    found = {answer.status for answer in answers}
    return next(status for status in _BY_WEIGHT if status in found)


def rows_of(
    delivered: Delivered, answers: Sequence[Answer], contents: Sequence[bytes]
) -> list[Delivery]:
    """The record of a delivery: a row for each thing that it said."""
    shop, several = delivered.shop, len(answers) > 1
    source_id = delivered.source_id[:190].replace("\0", "\N{REPLACEMENT CHARACTER}")
    took_ms = int((monotonic() - delivered.began) * 1000)
    return [
        Delivery(
            program_id=shop.connection.program_id,
            delivery_id=part_id(delivered.id, number),
            connection_id=shop.connection.id,
            received_at=shop.now,
            source_id=source_id + (f"#{number}" if several else ""),
            type=answer.type,
            status=answer.status,
            reason=answer.why,
            event_id=answer.event_id,
            digest=answer.digest,
            content_hash=content,
            secret_id=delivered.secret,
            took_ms=took_ms,
            part=number,
        )
        for number, (answer, content) in enumerate(zip(answers, contents, strict=True))
    ]
