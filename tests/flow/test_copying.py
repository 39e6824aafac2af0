"""The log in PostgreSQL goes on in Kafka: same records, same offsets, services read on."""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.config import Config
from shared.db.engine import Database
from shared.errors import Misconfigured, Unavailable
from shared.events.catalogue import topics
from shared.ids import derive
from shared.stream.copying import Copied, copy
from shared.stream.kafka.filling import filling
from shared.stream.kafka.stream import KafkaStream
from shared.stream.port import Message, Partition, Record, Stream
from shared.stream.postgres import closing
from shared.stream.postgres.stream import SCHEMA, PostgresStream
from tests.flow.commanding import shuke, told_by
from tests.flow.lives import orders_of_ann, some_days
from tests.flow.test_rebuild import made_anew
from tests.flow.whole import READERS, whole

NAMES = [topic.name for topic in topics()]
TOPIC = "storefront"
KEY = "one customer"
SECONDS = 60.0


@pytest.fixture
def into(kafka_servers: str) -> dict[str, str]:
    """Variables of a Kafka with topics of this test alone."""
    prefix = f"c{secrets.token_hex(4)}."
    return {"KAFKA_BOOTSTRAP_SERVERS": kafka_servers, "SHUKE_TOPIC_PREFIX": prefix}


class Logs:
    """Both logs, and what copies from one to the other."""

    def __init__(self, database: Database, kafka: KafkaStream, into: dict[str, str]) -> None:
        self.database = database
        self.postgres = PostgresStream(database)
        self.kafka = kafka
        self._into = into

    async def append(self, count: int) -> Partition:
        """Records of one key onto the log in PostgreSQL; their partition."""
        messages = [a_message(number) for number in range(count)]
        places = await self.postgres.append(TOPIC, messages)
        return TOPIC, places[0][0]

    async def copied(self, most: int = 2) -> dict[Partition, Copied]:
        """What a copy did, by partition."""
        words = self._into["KAFKA_BOOTSTRAP_SERVERS"], self._into["SHUKE_TOPIC_PREFIX"]
        async with filling(*words) as target:
            done = [each async for each in copy(self.database, self.kafka, target, most)]
        return {(each.topic, each.partition): each for each in done}

    async def put(self, partition: Partition, at: int, messages: Sequence[Message]) -> None:
        """What somebody puts into Kafka."""
        words = self._into["KAFKA_BOOTSTRAP_SERVERS"], self._into["SHUKE_TOPIC_PREFIX"]
        async with filling(*words) as target:
            await target.append(partition, at, [(message, 0) for message in messages])


def a_message(number: int, value: bytes = b"") -> Message:
    """A record of the customer."""
    digest = -number if number % 2 else None
    return Message(KEY, derive("test", str(number)), value or b"v%d" % number, digest)


async def all_of(stream: Stream, names: Sequence[str] = (TOPIC,)) -> list[Record]:
    """Everything that a log has."""
    subscription = await stream.subscribe(None, list(names), "", lambda: None)
    try:
        keys = sorted(subscription.assigned())
        ends = await subscription.end_of(keys)
        left = 0
        for key in keys:
            start = await subscription.start_of(key)
            left += ends[key] - start
            subscription.seek(key, start)
        found: list[Record] = []
        async with asyncio.timeout(SECONDS):
            while len(found) < left:
                found += await subscription.poll(1_000, 200)
    finally:
        await subscription.close(3.0)
    return sorted(found, key=lambda record: (record.topic, record.partition, record.offset))


def plain(records: Sequence[Record]) -> list[tuple[Any, ...]]:
    """Records as they must be the same on both; Kafka knows milliseconds."""
    return [
        (
            record.topic,
            record.partition,
            record.offset,
            record.key,
            record.value,
            record.digest,
            int(record.appended_at.timestamp() * 1000),
        )
        for record in records
    ]


@asynccontextmanager
async def opened(url: str, into: dict[str, str]) -> AsyncIterator[Logs]:
    """Both logs, with topics."""
    config = Config.from_environment({"DATABASE_URL": url, **into})
    assert config.kafka is not None
    kafka = KafkaStream(config.kafka, config.topic_prefix)
    async with Database(SCHEMA, url, worker=False) as database:
        logs = Logs(database, kafka, into)
        await logs.postgres.create(list(topics()))
        try:
            yield logs
        finally:
            await logs.postgres.close(3.0)
            await kafka.close(3.0)


async def test_a_copy_has_everything_and_a_second_one_finds_it(
    fresh_database: str, into: dict[str, str]
) -> None:
    async with opened(fresh_database, into) as logs:
        key = await logs.append(7)
        done = await logs.copied()
        assert sum(each.appended for each in done.values()) == done[key].appended == 7
        assert plain(await all_of(logs.kafka)) == plain(await all_of(logs.postgres))
        again = await logs.copied()
        assert (again[key].found, again[key].appended) == (7, 0)
        assert len(await all_of(logs.kafka)) == 7


async def test_a_copy_that_broke_off_within_a_partition_is_continued(
    fresh_database: str, into: dict[str, str]
) -> None:
    async with opened(fresh_database, into) as logs:
        key = await logs.append(3)
        await logs.copied()
        await closing.reopen(logs.database)
        await logs.postgres.append(TOPIC, [a_message(number) for number in (3, 4)])
        done = await logs.copied()
        assert (done[key].found, done[key].appended, done[key].end) == (3, 2, 5)
        assert plain(await all_of(logs.kafka)) == plain(await all_of(logs.postgres))


async def test_what_is_no_copy_is_refused_and_left_alone(
    fresh_database: str, into: dict[str, str]
) -> None:
    async with opened(fresh_database, into) as logs:
        topic, number = await logs.append(3)
        await logs.copied()
        await closing.reopen(logs.database)
        await logs.postgres.append(TOPIC, [a_message(3)])
        await logs.put((topic, number), 3, [a_message(3, b"another")])
        told = f"{topic}/{number} in Kafka holds something else from offset 3 on"
        with pytest.raises(Misconfigured, match=told):
            await logs.copied()
        await logs.put((topic, number), 4, [a_message(4)])
        with pytest.raises(Misconfigured, match=f"{topic}/{number} in Kafka holds something else"):
            await logs.copied()
        assert len(await all_of(logs.kafka)) == 5


async def test_a_log_that_begins_later_begins_there_in_kafka(
    fresh_database: str, into: dict[str, str]
) -> None:
    async with opened(fresh_database, into) as logs:
        key = await logs.append(9)
        async with asyncpg_of(fresh_database) as owner:
            await owner.execute('delete from log.record where "offset" < 5')
            await owner.execute(
                "update log.head set start_offset = 5 where next_offset = 9; "
                "update log.month set first_offset = 5"
            )
        done = await logs.copied()
        assert (done[key].start, done[key].appended) == (5, 4)
        records = await all_of(logs.kafka)
        assert [record.offset for record in records] == [5, 6, 7, 8]
        assert plain(records) == plain(await all_of(logs.postgres))
        again = await logs.copied()
        assert (again[key].found, again[key].appended) == (4, 0)


async def test_a_closed_log_says_that_it_is_away_until_it_is_reopened(
    fresh_database: str, into: dict[str, str]
) -> None:
    async with opened(fresh_database, into) as logs:
        await logs.append(1)
        await closing.close(logs.database)
        with pytest.raises(Unavailable, match="closed: it goes on in Kafka"):
            await logs.append(1)
        assert len(await all_of(logs.postgres)) == 1
        config = Config.from_environment({"DATABASE_URL": fresh_database})
        assert (await told_by(config, "stream", "reopen"))[0] == 0
        await logs.append(1)
        assert len(await all_of(logs.postgres)) == 2


@asynccontextmanager
async def asyncpg_of(url: str) -> AsyncIterator[Any]:
    """A session of the owner of everything."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def until_begun(kafka: KafkaStream) -> None:
    """Wait until something of a copy is there."""
    async with asyncio.timeout(SECONDS):
        while not await has_some(kafka):
            await asyncio.sleep(0.1)


async def has_some(kafka: KafkaStream) -> bool:
    """Whether the topic is there, and not empty."""
    try:
        return bool(await all_of(kafka))
    except (Misconfigured, Unavailable):
        return False


@pytest.mark.timeout(600)
async def test_services_go_on_in_kafka_after_a_copy_that_was_killed(
    fresh_database: str, tmp_path: Path, into: dict[str, str]
) -> None:
    async with whole(tmp_path, fresh_database) as before:
        async with before.working():
            program = await some_days(before)
        config = Config.from_environment({
            "DATABASE_URL": fresh_database,
            "SHUKE_KEYS_DIR": str(before.config.keys_dir),
            **into,
        })
        assert config.kafka is not None
        kafka = KafkaStream(config.kafka, config.topic_prefix)
        last = (await before.owned("select max(topic) from log.record"))[0][0]
        async with asyncpg_of(fresh_database) as owner, owner.transaction():
            (child,) = await owner.fetch(
                "select distinct tableoid::regclass::text as name from log.record "
                f"where topic = {last}"
            )
            await owner.execute(f"lock table {child['name']} in access exclusive mode")
            with shuke(config, "stream", "copy") as process:
                await until_begun(kafka)
                assert process.poll() is None
                process.kill()
        code, out, err = await told_by(config, "stream", "copy", "--json")
        assert (code, err) == (0, "")
        done = json.loads(out)
        assert sum(each["found"] for each in done["partitions"]) > 0
        assert sum(each["appended"] for each in done["partitions"]) > 0
        there = await all_of(before.stream, NAMES)
        assert plain(await all_of(kafka, NAMES)) == plain(there)
        assert done["records"] == len(there)
        await kafka.close(3.0)
    async with whole(tmp_path, fresh_database, **into) as after, after.working():
        await orders_of_ann(after, program, 5)
        await after.quiet()
        await made_anew(after)
        bought = await after.rows("points", "select order_no from purchase")
        assert Counter(Counter(row["order_no"] for row in bought).values()) == {1: 6 + 5}
        for service in READERS:
            halts = await after.rows(service.name, "select 1 from consumer_offset where state = 1")
            assert halts == []
        assert await after.violations() == []


async def test_without_a_kafka_there_is_nothing_to_copy_to(fresh_database: str) -> None:
    config = Config.from_environment({"DATABASE_URL": fresh_database})
    code, _, said = await told_by(config, "stream", "copy")
    assert (code, said) == (2, "shuke: set KAFKA_BOOTSTRAP_SERVERS: where the log is copied to\n")
