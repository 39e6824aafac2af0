"""A record that cannot be read or decided on is set aside; the rest of its batch takes effect."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from msgspec.structs import replace

from services.points.flow import FLOW
from shared.clock import system
from shared.db.transaction import transaction
from shared.dead_letters import discard
from shared.events import codec
from shared.events.dead_letters.event_quarantined import EventQuarantined
from shared.flow import Decision, Input
from shared.service import Service
from shared.stream.port import Message
from shuke.services import SERVICES
from tests.builders.actors import an_actor
from tests.builders.events import instant, message
from tests.builders.members import a_link
from tests.builders.storefront import an_order
from tests.flow.log import Reader, reading

NOON = instant("2026-03-01 04:00")
POINTS = SERVICES["points"]


def wrong_about(no: str) -> Service:
    """Points with a rule that has a fault: it cannot handle one order."""

    def decide(state: Any, item: Input) -> Decision:
        if getattr(getattr(item, "data", None), "order_no", "") == no:
            raise ZeroDivisionError("a rule divides by nothing")
        return FLOW.decide(state, item)

    return replace(POINTS, flow=replace(FLOW, decide=decide))


def wrong_together(no: str) -> Service:
    """Points with a fault that shows only at the end of the batch."""

    def conclude(state: Any) -> list[Decision]:
        assert FLOW.conclude is not None
        if any(row.order_no == no for row in state.purchases.values()):
            raise ZeroDivisionError("the end of the batch divides by nothing")
        return list(FLOW.conclude(state))

    return replace(POINTS, flow=replace(FLOW, conclude=conclude))


@pytest.fixture
async def points(fresh_database: str, tmp_path: Path) -> AsyncIterator[Reader]:
    """Points with a log of its own; the customer is linked."""
    async with reading(POINTS, fresh_database, tmp_path) as reader:
        await reader.told.settings("points", {"validity": "never"})
        await reader.append(a_link(reader.program, since=NOON), service="members", topic="members")
        await reader.read(1)
        yield reader


async def append_three(points: Reader) -> None:
    """Three orders of one customer, the second of which is A-2."""
    await points.append(
        *(an_order(points.program, no=f"A-{n}", at=NOON, amount_minor=n * 1_000) for n in (1, 2, 3))
    )


async def earned(points: Reader) -> dict[str, int]:
    """Points by order."""
    return {row["order_no"]: row["posted"] for row in await points.told.rows("purchase")}


async def letters(points: Reader) -> list[EventQuarantined]:
    """What the outbox tells of records set aside."""
    found = []
    for bundle in await points.rows("outbox"):
        if bundle["topic"] == "points.dead-letter":
            for payload in bundle["payloads"]:
                event = codec.decode(payload, system())
                assert event is not None
                assert isinstance(event.data, EventQuarantined)
                found.append(event.data)
    return found


@pytest.mark.parametrize("wrong", [wrong_about, wrong_together], ids=["one", "batch"])
async def test_what_a_rule_cannot_handle_is_set_aside_alone(
    points: Reader, wrong: Callable[[str], Service]
) -> None:
    await append_three(points)
    await points.read(3, wrong("A-2"))
    assert await earned(points) == {"A-1": 10, "A-3": 30}
    assert await points.outcomes() == {"applied": 3, "quarantined": 1}
    (row,) = await points.rows("quarantine")
    assert (row["class"], row["state"], row["program"]) == ("failed", 0, points.program)
    assert "ZeroDivisionError" in row["reason"]
    (letter,) = await letters(points)
    assert (letter.klass, letter.topic, letter.offset) == ("failed", "storefront", row["offset"])


async def test_after_the_fix_it_is_requeued_and_takes_effect_once(points: Reader) -> None:
    await append_three(points)
    await points.read(3, wrong_about("A-2"))
    (row,) = await points.rows("quarantine")
    told, identity = points.told, row["quarantine_id"]
    assert await points.letters(wrong_about("A-2")).requeue(identity, "ann") == "open"
    assert await points.letters().requeue(identity, "ben") == "requeued"
    assert await points.letters().requeue(identity, "ben") == "requeued"
    assert await earned(points) == {"A-1": 10, "A-2": 20, "A-3": 30}
    (account,) = await told.rows("account")
    assert account["balance"] == 60
    assert await told.violations() == []
    (row,) = await points.rows("quarantine")
    assert (row["state"], row["attempts"], row["closed_by"]) == (1, 2, "ben")


async def test_what_is_discarded_stays_without_effect(points: Reader) -> None:
    await append_three(points)
    await points.read(3, wrong_about("A-2"))
    (row,) = await points.rows("quarantine")
    database, identity = points.told.database, row["quarantine_id"]
    assert await discard(database, identity, "a test order", an_actor()) == "discarded"
    assert await points.letters().requeue(identity, "ben") == "discarded"
    assert await earned(points) == {"A-1": 10, "A-3": 30}
    assert await discard(database, UUID(int=1), "?", an_actor()) == "unknown"


async def test_what_is_no_event_is_set_aside_and_the_rest_applied(points: Reader) -> None:
    good = message("gateway", an_order(points.program, no="A-1", at=NOON, amount_minor=1_000))
    bad = [
        b"\xff\x00 no JSON",
        b"[]",
        good.value.replace(b'"specversion":"1.0"', b'"specversion":"0.9"'),
        good.value.replace(b"order-completed.v1", b"order-completed.v9"),
        good.value.replace(b'"quantity":1', b'"quantity":"one"'),
        good.value.replace(b"2026-03-01T", b"2026-03-02T"),
    ]
    records = [Message(good.key, uuid5(UUID(int=0), str(n)), value) for n, value in enumerate(bad)]
    await points.append_raw(*records[:3], good, *records[3:])
    await points.read(7)
    assert await earned(points) == {"A-1": 10}
    assert await points.outcomes() == {"applied": 2, "quarantined": 6}
    rows = sorted(await points.rows("quarantine"), key=lambda row: row["offset"])
    classes = ["undecodable", "invalid", "invalid", "invalid", "invalid", "invalid"]
    assert [row["class"] for row in rows] == classes
    for row, raw in zip(rows, bad, strict=True):
        assert raw not in row["bytes"]
        assert points.keys.unseal("quarantine", str(row["quarantine_id"]), row["bytes"]) == raw


async def test_an_id_that_comes_again_with_other_content_is_a_conflict(points: Reader) -> None:
    order = an_order(points.program, no="A-1", at=NOON, amount_minor=1_000)
    other = message("gateway", order)
    other = Message(other.key, other.id, other.value.replace(b"1000", b"9000"))
    await points.append(order, order)
    await points.append_raw(other)
    await points.read(3)
    assert await points.outcomes() == {"applied": 2, "duplicate": 1, "conflict": 1}
    assert await earned(points) == {"A-1": 10}
    (row,) = await points.rows("quarantine")
    assert row["class"] == "conflict"
    assert await points.letters().requeue(row["quarantine_id"], "ann") == "open"


async def test_a_record_that_is_read_again_from_an_old_position_changes_nothing(
    points: Reader,
) -> None:
    await append_three(points)
    await points.read(3)
    before = [await points.told.rows(table) for table in ("account", "entry", "lot", "purchase")]
    async with transaction(points.told.database) as tx:
        await tx.execute("update consumer_offset set next_offset = 0, applied = 0, ignored = 0")
    await points.read(4)
    after = [await points.told.rows(table) for table in ("account", "entry", "lot", "purchase")]
    assert after == before
    assert await points.outcomes() == {"duplicate": 4}
