"""What became of what a delivery said, and how that is recorded."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.gateway.connectors import generic
from services.gateway.connectors.port import Connector
from services.gateway.model import Delivery
from services.gateway.rules.normalising import Shop
from shared.clock import monotonic
from shared.errors import FieldError
from shared.events.codec import Encoded
from shared.events.envelope import Announcement
from shared.random_ids import uuid7

_BY_WEIGHT: Final = ("failed", "conflict", "published", "waiting", "duplicate", "ignored")


class Answer(Struct, frozen=True):
    """What became of one event of a delivery."""

    status: str
    event_id: UUID | None = None
    error: FieldError | None = None
    reason: str | None = None
    type: str | None = None
    delivery_id: UUID | None = None
    """What it waits under."""

    @property
    def settled(self) -> bool:
        """Whether its record may be lost with the process; else it is committed at once."""
        return self.error is None and self.status != "waiting"


class Ready(Struct, frozen=True):
    """An event that may go to the log."""

    event: Announcement
    encoded: Encoded


class Delivered(Struct, frozen=True):
    """A delivery that is authentic."""

    shop: Shop
    connector: Connector
    headers: Mapping[str, str]
    secret: str
    raw: bytes
    began: float

    @property
    def own(self) -> bool:
        """Whether a shop of one's own sent it, in the generic form."""
        return self.connector.SOURCE == generic.SOURCE

    @property
    def source_id(self) -> str:
        """What a repeat has in common with it."""
        return self.connector.delivery_id(self.raw, self.headers)


def worst(answers: Sequence[Answer]) -> str:
    """What became of a delivery, of whose parts different things did."""
    found = {answer.status for answer in answers}
    return next(status for status in _BY_WEIGHT if status in found)


def rows_of(
    delivered: Delivered, answers: Sequence[Answer], contents: Sequence[bytes]
) -> list[Delivery]:
    """The record of a delivery: a row for each thing that it said."""
    shop, several = delivered.shop, len(answers) > 1
    took_ms = int((monotonic() - delivered.began) * 1000)
    return [
        Delivery(
            program_id=shop.connection.program_id,
            delivery_id=answer.delivery_id or uuid7(shop.now),
            connection_id=shop.connection.id,
            received_at=shop.now,
            source_id=(delivered.source_id[:190] + (f"#{number}" if several else "")),
            type=answer.type,
            status=answer.status,
            reason=_reason(answer),
            event_id=answer.event_id,
            content_hash=content,
            secret_id=delivered.secret,
            took_ms=took_ms,
        )
        for number, (answer, content) in enumerate(zip(answers, contents, strict=True))
    ]


def _reason(answer: Answer) -> str | None:
    if answer.error is None:
        return answer.reason
    reason = f"{answer.error.code} {answer.error.pointer}".strip()
    return reason.replace("\0", "\N{REPLACEMENT CHARACTER}")
