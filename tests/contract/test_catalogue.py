"""The graph of events: who tells whom, without a loop; every type has a home."""

import json
from collections import Counter
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter

import pytest

from services.gateway.flow import GatewayState, decide
from services.gateway.outbound.model import EVERYTHING, Message, Subscriber
from shared.events import codec
from shared.events.catalogue import (
    CATALOGUE,
    FORWARDER,
    SERVICES,
    EventType,
    topics,
    topics_read_by,
    types_read_by,
)
from shared.events.golden import example
from shared.programs import Program
from shared.random_ids import random_id
from shared.service import Service
from shuke.services import SERVICES as DECLARED

NOW = datetime(2026, 11, 27, tzinfo=UTC)
GUARDED: frozenset[tuple[str, str]] = frozenset({("gateway", "gateway")})
"""Edges (producer, consumer) that close a circle and carry a guard of their own against it.

What the gateway hears of itself makes it send what waited for that, each row once: what it sends
then waits for nothing (`test_any_order_and_repetition_sends_everything_once`).
"""


def edges(lines: tuple[EventType, ...]) -> dict[str, set[str]]:
    """Consumer → the services that it hears of, guarded edges left out."""
    graph: dict[str, set[str]] = {}
    for line in lines:
        for consumer in line.consumers:
            if (line.producer, consumer) not in GUARDED:
                graph.setdefault(consumer, set()).add(line.producer)
    return graph


def test_no_service_hears_in_the_end_of_itself() -> None:
    """A circle of events would never come to rest."""
    TopologicalSorter(edges(CATALOGUE)).prepare()


HANDED_ON = [line for line in CATALOGUE if line.forwarded and FORWARDER not in line.consumers]


@pytest.mark.parametrize("line", HANDED_ON, ids=lambda line: line.name)
def test_what_is_merely_handed_on_makes_the_gateway_say_nothing(line: EventType) -> None:
    """Why reading it is no edge: its only effect is a message to who asked for it."""
    event = codec.decode(json.dumps(example(line)).encode(), NOW)
    assert event is not None
    program = Program(1, event.program, "Demo", "Asia/Shanghai", "CNY", "CN", "zh-CN", "open", ())
    state = GatewayState({event.program: program})
    state.subscribers[1] = [Subscriber(1, random_id(), (EVERYTHING,))]
    decision = decide(state, event)
    assert decision.events == ()
    assert [type(row) for row in decision.rows] == [Message]


def test_the_gateway_reads_all_but_what_was_set_aside() -> None:
    """Endpoints outside may ask for any of it."""
    left_out = {line.type for line in CATALOGUE} - types_read_by(FORWARDER)
    assert left_out == {"shuke.event-quarantined.v1"}


def test_a_circle_is_found() -> None:
    """Members consuming points would close one: points hears of members."""
    back = next(line for line in CATALOGUE if line.producer == "points" and line.consumers)
    planted = EventType(
        back.name, back.version, back.topic, "points", ("members",), back.keyed, back.data
    )
    with pytest.raises(CycleError):
        TopologicalSorter(edges((*CATALOGUE, planted))).prepare()


def test_a_type_has_one_line_per_producer() -> None:
    """Its id names the producer: two lines would make two ids of one fact."""
    lines = Counter((line.type, line.producer) for line in CATALOGUE)
    assert [key for key, count in lines.items() if count > 1] == []


def test_producers_and_consumers_are_services() -> None:
    """A slip in a name would leave an event unread."""
    assert {line.producer for line in CATALOGUE} <= set(SERVICES)
    assert {name for line in CATALOGUE for name in line.consumers} <= set(SERVICES)
    assert tuple(DECLARED) == SERVICES


def test_a_topic_has_one_producer_but_for_the_programs() -> None:
    """Whoever emits on a topic owns its order."""
    producers: dict[str, set[str]] = {}
    for line in CATALOGUE:
        producers.setdefault(line.topic, set()).add(line.producer)
    assert {topic: len(names) for topic, names in producers.items()} == dict.fromkeys(producers, 1)
    assert {topic.name for topic in topics()} == set(producers)


@pytest.mark.parametrize("service", DECLARED.values(), ids=lambda service: service.name)
def test_who_consumes_has_a_flow(service: Service) -> None:
    """And who has none is not promised anything."""
    business = set(topics_read_by(service.name)) - {"programs"}
    assert bool(business) == (service.flow is not None)
