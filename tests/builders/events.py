"""From an announcement to the event that a reader sees: encoded and decoded for real."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from shared.days import Instant, render
from shared.events import codec
from shared.events.catalogue import BY_PRODUCT, Data
from shared.events.envelope import Announcement, Cause, Event
from shared.stream.port import Message

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def instant(text: str) -> Instant:
    """An instant; without an offset it is UTC: `2026-03-01 10:00`."""
    value = datetime.fromisoformat(text)
    return Instant.of(value if value.tzinfo else value.replace(tzinfo=UTC))


def event(
    service: str,
    data: Data,
    *,
    program: str,
    key: str,
    subject: str,
    at: datetime,
    cause: Cause,
    causation: UUID | None = None,
) -> Event:
    """The event as it comes off the log."""
    announcement = Announcement(data, program, key, subject, at, cause, causation)
    decoded = codec.decode(codec.encode(service, announcement).value, NOW)
    assert decoded is not None
    return decoded


def message(service: str, told: Event) -> Message:
    """The event as its producer appends it to the log."""
    envelope = {
        "specversion": "1.0",
        "id": str(told.id),
        "source": f"/shuke/{service}",
        "type": BY_PRODUCT[service, type(told.data)].type,
        "time": render(told.time),
        "subject": told.subject,
        "datacontenttype": "application/json",
        "programid": told.program,
        "partitionkey": told.key,
        "data": told.data,
    }
    if told.sealedcontact is not None:
        envelope["sealedcontact"] = told.sealedcontact
    value = msgspec.json.encode(envelope, enc_hook=codec.enc_hook)
    return Message(f"{told.program}/{told.key}", told.id, value)
