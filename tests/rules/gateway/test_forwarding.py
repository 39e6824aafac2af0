"""What an event makes of messages: one per endpoint that asks for it, with an id that stays."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.gateway.outbound.model import EVERYTHING, Subscriber
from services.gateway.outbound.rules.forwarding import TYPES, message_id, messages_of
from shared.days import EPOCH
from shared.events import codec
from shared.events.catalogue import CATALOGUE, EventType
from shared.events.envelope import Announcement, Cause
from shared.events.golden import example
from shared.ids import time_of
from shared.random_ids import first_of
from tests.builders.events import NOW, instant
from tests.builders.storefront import an_order

PROGRAM = "prg_agojyzjeabykvaaaaaaaaaaaau"
NOON = instant("2026-03-01 04:00")
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)
ASKING = [
    Subscriber(7, ONE, ("order-completed", "refund")),
    Subscriber(7, TWO, ("refund",)),
    Subscriber(7, THREE, (EVERYTHING,)),
]


def test_each_endpoint_gets_the_types_it_asks_for() -> None:
    event = an_order(PROGRAM, at=NOON)
    messages = messages_of(event, ASKING)
    assert [each.endpoint_id for each in messages] == [ONE, THREE]
    assert {(each.event_id, each.type, each.subject) for each in messages} == {
        (event.id, "order-completed", event.subject)
    }
    assert messages_of(event, []) == []


def test_the_same_event_makes_the_same_ids_and_another_endpoint_others() -> None:
    """A batch that is applied again sends nothing twice under two ids."""
    event = an_order(PROGRAM, at=NOON)
    first, again = messages_of(event, ASKING), messages_of(event, ASKING)
    assert first == again
    assert len({each.message_id for each in first}) == 2


@pytest.mark.parametrize("line", TYPES.values(), ids=lambda line: line.name)
def test_the_body_is_the_record_byte_for_byte(line: EventType) -> None:
    """White space and unknown attributes too: what was signed is what was on the log."""
    raw = json.dumps(example(line), indent=1, ensure_ascii=False).encode()
    event = codec.decode(raw, NOW)
    assert event is not None
    (message,) = messages_of(event, [Subscriber(7, ONE, (line.name,))])
    assert message.body == raw


def test_what_a_service_set_aside_goes_nowhere() -> None:
    line = next(line for line in CATALOGUE if not line.forwarded)
    event = codec.decode(json.dumps(example(line)).encode(), NOW)
    assert event is not None
    assert messages_of(event, ASKING) == []


@given(st.integers(946_684_800_000, 4_000_000_000_000), st.uuids())
def test_ids_sort_by_the_time_of_their_events(milliseconds: int, endpoint: UUID) -> None:
    when = EPOCH + timedelta(milliseconds=milliseconds)
    identity = message_id(PROGRAM, endpoint, "event", when)
    assert time_of(identity) == when
    assert first_of(when) <= identity < first_of(when + timedelta(milliseconds=1))


def test_what_is_personal_is_not_handed_on_even_sealed() -> None:
    """The rest of the record is byte for byte what it was."""
    told = an_order(PROGRAM, at=NOON)
    announced = Announcement(
        told.data, PROGRAM, told.key, told.subject, NOON, Cause("order", "A-1"), None, "v1.w.a-_b.c"
    )
    encoded = codec.encode("gateway", announced)
    event = codec.decode(encoded.value, NOW)
    assert event is not None
    assert event.sealedcontact == "v1.w.a-_b.c"
    plain = codec.encode("gateway", replace(announced, sealedcontact=None))
    (message,) = messages_of(event, ASKING[:1])
    assert message.body == plain.value
