"""What an event of the log makes of messages: one for each endpoint that asks for its type.

A message's id is the `webhook-id`. It follows from event and endpoint, so a batch that is applied
again makes the same one, and begins with the event's time, so that messages sort by it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from services.gateway.outbound.model import Message, Subscriber
from shared.events.catalogue import BY_TYPE, CATALOGUE, EventType
from shared.events.envelope import Event
from shared.ids import event_id, text_id

TYPES: Final = {line.name: line for line in CATALOGUE if line.forwarded}
"""What an endpoint may ask for, by name."""


def messages_of(event: Event, subscribers: Iterable[Subscriber]) -> list[Message]:
    """One message per endpoint that wants the event, in their order; its body is the record's.

    But for the box with what is personal, which nobody outside can open.
    """
    line: EventType = BY_TYPE[event.type]
    if not line.forwarded:
        return []
    body = event.raw
    if event.sealedcontact is not None:  # written by our encoder, of letters that need no escape
        body = body.replace(f'"sealedcontact":"{event.sealedcontact}",'.encode(), b"")
    return [
        Message(
            program_id=each.program_id,
            message_id=message_id(event.program, each.endpoint_id, str(event.id), event.time),
            endpoint_id=each.endpoint_id,
            event_id=event.id,
            type=line.name,
            subject=event.subject,
            body=body,
        )
        for each in subscribers
        if each.wants(line.name)
    ]


def message_id(program: str, endpoint_id: UUID, event: str, at: datetime) -> UUID:
    """Id of the message about an event to an endpoint."""
    return event_id(at, program, "gateway", "message", text_id("ept", endpoint_id), event)
