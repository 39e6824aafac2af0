"""Positions, inbox, outbox, commands and settings: what the mechanism keeps, and refuses."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from services.members.model import JoinOpen
from services.points.settings import DOCUMENT, PointsSettings
from shared import commands
from shared.audit.deeds import Deed
from shared.days import BEGINNING
from shared.db import inbox, outbox, positions
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.errors import Fenced, HttpProblem
from shared.events.codec import Encoded
from shared.flow import Flow
from shared.ids import event_id, uuid_of
from shared.random_ids import random_id
from shared.settings import store as settings
from shuke.services import SERVICES
from tests.builders.actors import an_actor
from tests.builders.events import instant
from tests.builders.storefront import STORE, customer
from tests.flow.harness import Harness, harness

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
POINTS = SERVICES["points"]


@pytest.fixture
async def database(worker_database: str) -> AsyncIterator[Database]:
    """Points' database."""
    async with Database(POINTS.name, worker_database, worker=True, size=4) as opened:
        yield opened


@pytest.fixture
def partition() -> positions.Partition:
    """A partition of this test alone."""
    return f"topic-{random_id().hex}", 0


async def claim(database: Database, partition: positions.Partition) -> positions.Held:
    """Make a partition this worker's."""
    async with transaction(database) as tx:
        return await positions.claim(tx, partition, random_id(), "worker", 5)


async def move(database: Database, held: positions.Held, to: int, **outcomes: int) -> None:
    """What a batch does with the position."""
    async with transaction(database) as tx:
        await positions.fence(tx, [held])
        await positions.advance(tx, [positions.Move(held, to, b"digest", outcomes)])


async def position(database: Database, partition: positions.Partition) -> Any:
    """The row of a partition."""
    async with transaction(database) as tx:
        return await tx.fetch_one(
            "select * from consumer_offset where topic = $1 and partition = $2", *partition
        )


async def test_a_new_position_is_the_start_of_the_log_and_moves_on(
    database: Database, partition: positions.Partition
) -> None:
    held = await claim(database, partition)
    assert (held.epoch, held.next_offset, held.halted) == (1, 5, None)
    await move(database, held, 8, applied=2, ignored=1)
    again = await claim(database, partition)
    assert (again.epoch, again.next_offset) == (2, 8)
    row = await position(database, partition)
    assert (row["first_offset"], row["applied"], row["ignored"]) == (5, 2, 1)


async def test_who_was_claimed_from_cannot_commit(
    database: Database, partition: positions.Partition
) -> None:
    stale = await claim(database, partition)
    fresh = await claim(database, partition)
    with pytest.raises(Fenced) as fenced:
        await move(database, stale, 6, applied=1)
    assert fenced.value.partitions == {partition}
    assert (await position(database, partition))["next_offset"] == 5
    await move(database, fresh, 6, applied=1)
    with pytest.raises(Fenced):
        await move(database, fresh, 7, applied=1)  # its own position is further on
    assert (await position(database, partition))["next_offset"] == 6


async def test_a_claim_during_a_batch_waits_for_its_end(
    database: Database, partition: positions.Partition
) -> None:
    held = await claim(database, partition)
    async with transaction(database) as tx:
        await positions.fence(tx, [held])
        claiming = asyncio.create_task(claim(database, partition))
        await positions.advance(tx, [positions.Move(held, 6, b"", {"applied": 1})])
        assert not claiming.done()
    assert (await claiming).next_offset == 6


async def advance(database: Database, held: positions.Held) -> None:
    """A batch that forgot to look whether the partition is still its own."""
    async with transaction(database) as tx:
        await positions.advance(tx, [positions.Move(held, 6, b"", {"applied": 1})])


async def test_an_epoch_that_is_not_the_rows_does_not_advance(
    database: Database, partition: positions.Partition
) -> None:
    stale = await claim(database, partition)
    await claim(database, partition)
    with pytest.raises(Fenced):
        await advance(database, stale)
    assert (await position(database, partition))["applied"] == 0


async def test_a_halted_partition_stays_halted_for_everybody(
    database: Database, partition: positions.Partition
) -> None:
    held = await claim(database, partition)
    async with transaction(database) as tx:
        await positions.halt(tx, held, "gap")
    with pytest.raises(Fenced):
        await move(database, held, 6, applied=1)
    assert (await claim(database, partition)).halted == "gap"


async def test_the_counters_are_the_records_passed(
    database: Database, partition: positions.Partition
) -> None:
    held = await claim(database, partition)
    with pytest.raises(asyncpg.CheckViolationError):
        await move(database, held, 8, applied=2)


def an_id(name: str) -> UUID:
    """Id of an event of this run."""
    return event_id(NOON, "program", "gateway", "order", name, random_id().hex)


async def test_the_inbox_takes_an_id_once_and_tells_its_digest(database: Database) -> None:
    one, other = an_id("one"), an_id("other")
    async with transaction(database) as tx:
        assert await inbox.claim(tx, [(one, 7)]) == {one: None}
        assert await inbox.claim(tx, [(one, 8), (other, 9)]) == {one: 7, other: None}
        assert await inbox.claim(tx, []) == {}


async def test_of_two_transactions_with_one_id_the_second_waits_and_finds_it(
    database: Database,
) -> None:
    one = an_id("one")

    async def second() -> dict[UUID, int | None]:
        async with transaction(database) as tx:
            return await inbox.claim(tx, [(one, 7)])

    async with transaction(database) as tx:
        await inbox.claim(tx, [(one, 7)])
        waiting = asyncio.create_task(second())
        await asyncio.wait([waiting], timeout=0.2)
        assert not waiting.done()
    assert await waiting == {one: 7}


async def claimed_in_vain(database: Database, identity: UUID) -> None:
    """A batch that fails after its inbox."""
    async with transaction(database) as tx:
        await inbox.claim(tx, [(identity, 7)])
        raise ZeroDivisionError


async def test_an_id_of_a_transaction_that_was_rolled_back_is_new_again(
    database: Database,
) -> None:
    one = an_id("one")
    with pytest.raises(ZeroDivisionError):
        await claimed_in_vain(database, one)
    async with transaction(database) as tx:
        assert await inbox.claim(tx, [(one, 8)]) == {one: None}


def test_events_are_bundled_by_topic_in_their_order_up_to_the_limits() -> None:
    small = [
        Encoded("ab"[n % 2], "t", "k", uuid5(UUID(int=0), str(n)), b"x", n) for n in range(1_002)
    ]
    bundles = list(outbox.bundled(small))
    assert [(bundle.topic, len(bundle.ids)) for bundle in bundles] == [
        ("a", 500),
        ("a", 1),
        ("b", 500),
        ("b", 1),
    ]
    assert [i for bundle in bundles[:2] for i in bundle.ids] == [e.id for e in small[::2]]
    large = [Encoded("a", "t", "k", UUID(int=n), bytes(200 * 1024), n) for n in range(5)]
    assert [len(bundle.ids) for bundle in outbox.bundled(large)] == [2, 2, 1]
    assert list(outbox.bundled([])) == []


def a_request(
    told: Harness, key: str = "k-1", body: bytes = b"{}", at: datetime = NOON
) -> commands.Request:
    """Somebody asks to join."""
    return commands.Request(
        told.program.text_id, an_actor(at, "staff"), "POST /applications", key, body
    )


async def ask(told: Harness, request: commands.Request, number: int = 1) -> commands.Answer:
    """The answer to a request to join."""
    flow = told.service.flow
    assert isinstance(flow, Flow)
    deed = Deed("applications.create", customer(number), told.program.text_id)
    wish = JoinOpen(uuid_of(customer(number)), uuid_of(STORE))
    return await commands.execute(told.database, told.service.name, flow, request, wish, deed)


@pytest.fixture
async def members(worker_database: str) -> AsyncIterator[Harness]:
    """Members whom anybody may join."""
    async with harness(SERVICES["members"], worker_database) as told:
        await told.settings("join", {"routes": [{"route": "open"}]})
        yield told


async def test_the_same_key_and_request_get_the_same_answer_and_one_effect(
    members: Harness,
) -> None:
    first = await ask(members, a_request(members))
    again = await ask(members, a_request(members, at=NOON + DAY))
    assert (first.status, first.replayed, again.replayed) == (201, False, True)
    assert (again.status, again.body) == (first.status, first.body)
    assert len(await members.rows("member")) == 1


async def test_a_refusal_is_kept_like_a_success(members: Harness) -> None:
    await ask(members, a_request(members))
    refused = await ask(members, a_request(members, "k-2"))
    again = await ask(members, a_request(members, "k-2"))
    assert (refused.status, refused.body["code"]) == (409, "already-member")
    assert (again.replayed, again.body) == (True, refused.body)


async def test_a_key_of_another_request_is_refused(members: Harness) -> None:
    await ask(members, a_request(members))
    with pytest.raises(HttpProblem) as problem:
        await ask(members, a_request(members, body=b'{"else": 1}'), number=2)
    assert (problem.value.status, problem.value.code) == (422, "idempotency-key-reused")
    assert len(await members.rows("member")) == 1


async def test_a_key_older_than_its_answer_is_refused(members: Harness) -> None:
    await ask(members, a_request(members))
    with pytest.raises(HttpProblem) as problem:
        await ask(members, a_request(members, at=NOON + timedelta(hours=72, seconds=1)))
    assert problem.value.code == "idempotency-key-expired"


async def test_a_key_in_use_is_refused(members: Harness) -> None:
    request = a_request(members)
    async with transaction(members.database) as tx:
        await commands._take_key(tx, request)
        with pytest.raises(HttpProblem) as problem:
            await ask(members, request)
    assert problem.value.code == "idempotency-in-progress"
    assert await members.rows("member") == []


async def test_a_draft_holds_from_the_beginning_once_it_is_published(worker_database: str) -> None:
    async with harness(POINTS, worker_database) as told:
        number = told.program.id
        async with transaction(told.database) as tx:
            assert await settings.publish(tx, number, "points", None, "ann", NOON) is None
            for unit in (200, 300):
                body = PointsSettings(unit=unit)
                await settings.save_draft(tx, number, "points", body, "ann", NOON)
            assert (await settings.load(tx, [DOCUMENT], [number])).of(number, "points").all == ()
            first = await settings.publish(tx, number, "points", NOON, "ben", NOON)
            await settings.save_draft(tx, number, "points", PointsSettings(), "ann", NOON)
            second = await settings.publish(tx, number, "points", NOON - DAY, "ben", NOON)
            found = (await settings.load(tx, [DOCUMENT], [number])).of(number, "points")
    assert (first, second) == ((1, BEGINNING), (2, NOON))
    assert [(each.number, each.body.unit) for each in found.all] == [(1, 300), (2, 100)]


async def test_settings_are_read_when_more_are_known_than_are_kept(
    worker_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_CACHED", 1)
    async with harness(POINTS, worker_database) as told:
        number = told.program.id
        for version in range(1, 5):
            await told.settings("points", {"unit": 7_000 + version}, version)
            async with transaction(told.database) as tx:
                found = (await settings.load(tx, [DOCUMENT], [number])).of(number, "points")
            assert [each.body.unit for each in found.all] == [7_001 + n for n in range(version)]


async def test_there_is_one_draft_of_a_document(worker_database: str) -> None:
    async with harness(POINTS, worker_database) as told:
        await _draft(told, 1)
        with pytest.raises(asyncpg.UniqueViolationError):
            await _draft(told, 2)


async def _draft(told: Harness, version: int) -> None:
    async with transaction(told.database) as tx:
        await tx.execute(
            """
            insert into settings (program_id, document, version, state, revision, body, author,
                saved_at)
            values ($1, 'points', $2, 0, 1, '{}', 'ann', now())
            """,
            told.program.id,
            version,
        )
