"""What the log port promises, seen on both of its implementations: one suite, two real servers."""

import asyncio
import secrets
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid5

import pytest

from shared.config import Config
from shared.days import EPOCH
from shared.errors import Misconfigured, Unavailable
from shared.events.catalogue import Topic
from shared.stream.factory import open_stream
from shared.stream.port import (
    MAX_RECORD_BYTES,
    POLL_BYTES,
    Message,
    OutOfRange,
    Partition,
    Record,
    Stream,
    Subscription,
    TooLarge,
    partition_of,
)

PARTITIONS = 3
WAIT_SECONDS = 40.0
AHEAD_SECONDS = 1.0
"""So long a reader has time to fetch before it is asked."""


class Log:
    """A log, and a topic of this test alone."""

    def __init__(self, stream: Stream, topic: str) -> None:
        self.stream = stream
        self.topic = topic

    @asynccontextmanager
    async def reader(
        self, group: str | None = None, worker: str = "", *, start: int | None = 0
    ) -> AsyncIterator[Subscription]:
        """A subscription that reads what it is given from `start` (None: not at all)."""
        subscription = await self.stream.subscribe(group, [self.topic], worker, lambda: None)
        try:
            if start is not None:
                await until(lambda: len(subscription.assigned()) == PARTITIONS)
                for partition in subscription.assigned():
                    subscription.seek(partition, start)
            yield subscription
        finally:
            await subscription.close(5.0)

    async def append(self, *keys: str, size: int = 1) -> list[Record]:
        """One message per key, as records that a reader will get."""
        messages = [message(key, number, size) for number, key in enumerate(keys)]
        places = await self.stream.append(self.topic, messages)
        return [
            Record(self.topic, partition, offset, sent.key, sent.value, EPOCH)
            for sent, (partition, offset) in zip(messages, places, strict=True)
        ]


def message(key: str, number: int, size: int = 1) -> Message:
    """A message whose value tells its key and number."""
    return Message(key, uuid5(UUID(int=0), f"{key}/{number}"), f"{key}:{number}".encode() * size)


async def until(true: Callable[[], bool]) -> None:
    """Wait for a condition that another task brings about."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not true():
            await asyncio.sleep(0.02)


async def read(subscription: Subscription, count: int) -> list[Record]:
    """At least so many records, or a failure."""
    found: list[Record] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while len(found) < count:
            found += await subscription.poll(1000, 200)
    return found


def plain(records: Sequence[Record]) -> list[tuple[int, int, str, bytes]]:
    """What two equal records have in common; the time is the log's own."""
    return sorted((each.partition, each.offset, each.key, each.value) for each in records)


@pytest.fixture(params=["postgres", pytest.param("kafka", marks=pytest.mark.kafka)])
def config(request: pytest.FixtureRequest) -> Config:
    """Where the log is."""
    if request.param == "kafka":
        return Config(kafka=request.getfixturevalue("kafka_servers"), topic_prefix="port.")
    return Config(database_url=request.getfixturevalue("worker_database"))


@pytest.fixture
async def log(config: Config) -> AsyncIterator[Log]:
    """A log with a topic of three partitions."""
    async with open_stream(config) as stream:
        topic = Topic(f"t{secrets.token_hex(6)}", PARTITIONS, 400)
        assert list(await stream.create([topic])) == [topic.name]
        yield Log(stream, topic.name)


async def test_topics_are_made_once_and_keep_their_partitions(log: Log) -> None:
    """Another number of partitions would move keys: it is refused."""
    assert list(await log.stream.create([Topic(log.topic, PARTITIONS, 400)])) == []
    with pytest.raises(Misconfigured, match="partitions"):
        await log.stream.create([Topic(log.topic, PARTITIONS + 1, 400)])


async def test_what_was_appended_is_read_byte_for_byte(log: Log) -> None:
    """Offsets count from 0 without a gap in each partition; a key has one partition."""
    keys = [f"prg_a/cus_{number}" for number in range(40)] * 2
    sent = await log.append(*keys)
    async with log.reader() as reader:
        got = await read(reader, len(sent))
    assert plain(got) == plain(sent)
    assert all(each.partition == partition_of(each.key, PARTITIONS) for each in got)
    for partition in range(PARTITIONS):
        offsets = [each.offset for each in got if each.partition == partition]
        assert offsets == list(range(len(offsets)))


async def test_one_key_is_read_in_the_order_of_its_appends(log: Log) -> None:
    """Concurrent appends share transactions and batches; each key's order is kept."""
    keys = [f"k{number}" for number in range(6)]

    async def writer(key: str) -> None:
        for number in range(30):
            await log.stream.append(log.topic, [message(key, number)])

    await asyncio.gather(*map(writer, keys))
    async with log.reader() as reader:
        got = await read(reader, 30 * len(keys))
    for key in keys:
        values = [each.value for each in got if each.key == key]
        assert values == [f"{key}:{number}".encode() for number in range(30)]


async def test_a_reader_reads_from_where_it_seeks(log: Log) -> None:
    """Positions belong to the reader, not to the log: seeking back reads again."""
    sent = await log.append(*["same"] * 10)
    partition = (log.topic, sent[0].partition)
    async with log.reader(start=None) as reader:
        await until(lambda: partition in reader.assigned())
        assert await reader.poll(1000, 100) == []
        reader.seek(partition, 7)
        assert [each.offset for each in await read(reader, 3)] == [7, 8, 9]
        reader.seek(partition, 2)
        assert [each.offset for each in await read(reader, 8)] == list(range(2, 10))


async def test_a_record_wakes_a_waiting_reader(log: Log) -> None:
    """A poll with nothing to read returns as soon as something is appended."""
    async with log.reader() as reader:
        assert await reader.poll(10, 50) == []
        waiting = asyncio.create_task(reader.poll(10, 30_000))
        await asyncio.sleep(0.3)
        sent = await log.append("late")
        async with asyncio.timeout(5):
            assert plain(await waiting) == plain(sent)


async def test_a_poll_returns_no_more_than_it_was_asked_for(log: Log) -> None:
    """Nothing is lost between two polls."""
    sent = await log.append(*[f"k{number}" for number in range(50)])
    found: list[Record] = []
    async with log.reader() as reader, asyncio.timeout(WAIT_SECONDS):
        while len(found) < len(sent):
            some = await reader.poll(7, 500)
            assert len(some) <= 7
            found += some
    assert plain(found) == plain(sent)


async def test_a_paused_partition_is_not_read(log: Log) -> None:
    """Pausing keeps position and membership; resuming reads on."""
    sent = await log.append(*[f"k{number}" for number in range(30)])
    held = (log.topic, sent[0].partition)
    others = [each for each in sent if each.partition != held[1]]
    async with log.reader() as reader:
        reader.pause([held])
        got = await read(reader, len(others))
        assert await reader.poll(1000, 300) == []
        assert plain(got) == plain(others)
        assert held in reader.assigned()
        reader.resume([held])
        assert plain(await read(reader, len(sent) - len(others))) == plain([
            each for each in sent if each.partition == held[1]
        ])


async def test_start_and_end_are_told(log: Log) -> None:
    """The end is the offset that the next record will get."""
    sent = await log.append(*["same"] * 4)
    place = (log.topic, sent[0].partition)
    async with log.reader() as reader:
        ends = await reader.end_of(reader.assigned())
        assert ends[place] == 4
        assert sum(ends.values()) == 4
        assert await reader.start_of(place) == 0


async def test_a_position_past_the_end_is_out_of_range(log: Log) -> None:
    """The log was replaced by a shorter one: nobody may read on as if nothing had happened."""
    sent = await log.append("one")
    place: Partition = (log.topic, sent[0].partition)
    async with log.reader(start=None) as reader:
        await until(lambda: place in reader.assigned())
        reader.seek(place, 5)
        with pytest.raises(OutOfRange) as caught:
            await read(reader, 1)
    assert caught.value.partition == place
    assert (caught.value.offset, caught.value.start, caught.value.end) == (5, 0, 1)


async def test_two_members_of_a_group_share_the_partitions(log: Log) -> None:
    """Each partition has one reader; when a member leaves, the other takes all."""
    await log.append(*[f"k{number}" for number in range(30)])
    async with log.reader("pair", "one", start=None) as first:
        await until(lambda: len(first.assigned()) == PARTITIONS)
        async with log.reader("pair", "two", start=None) as second:
            await until_shared(first, second)
            assert len(first.assigned()) in {1, 2}
        await turning(first, lambda: len(first.assigned()) == PARTITIONS)


async def until_shared(first: Subscription, second: Subscription) -> None:
    """Wait until both have some and together all, each once."""

    def shared() -> bool:
        mine, yours = first.assigned(), second.assigned()
        return bool(mine) and bool(yours) and not mine & yours and len(mine | yours) == PARTITIONS

    await turning(second, shared, first)


async def turning(
    subscription: Subscription, true: Callable[[], bool], *others: Subscription
) -> None:
    """Wait for a condition while members poll, as workers do."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not true():
            for each in (subscription, *others):
                await each.poll(1, 20)


async def test_a_partition_that_was_another_s_is_read_when_it_is_sought_again(log: Log) -> None:
    """Where it was read before, by whomever, is nothing to go by; nor is what the group told."""
    sent = await log.append(*[f"k{number}" for number in range(30)])
    async with log.reader("back", "one") as first:
        await read(first, len(sent))
        async with log.reader("back", "two", start=None) as second:
            await until_shared(first, second)
            lost = second.assigned()
            await second.tell(dict.fromkeys(lost, 1))
        await turning(first, lambda: len(first.assigned()) == PARTITIONS)
        await log.append(*[f"k{number}" for number in range(30)])
        got = [record for _ in range(10) for record in await first.poll(1000, 100)]
        assert not {(each.topic, each.partition) for each in got} & lost
        for partition in first.assigned():
            first.seek(partition, 3)
        again = await read(first, 2 * len(sent) - 3 * PARTITIONS)
        assert {each.offset for each in again if each.offset < 3} == set()


async def test_progress_that_a_group_told_can_be_asked_for(log: Log) -> None:
    """For lag tools and for courtesy between services; nobody's position hangs on it."""
    sent = await log.append(*[f"k{number}" for number in range(12)])
    async with log.reader("teller", "one") as reader:
        await read(reader, len(sent))
        ends = await reader.end_of(reader.assigned())
        await reader.tell(ends)
    told = await log.stream.told("teller", log.topic)
    assert {(log.topic, number): offset for number, offset in told.items()} == ends


async def test_progress_in_partitions_that_went_to_another_may_be_told(log: Log) -> None:
    """A member that lost what it had read tells how far it came, and goes on."""
    async with log.reader("shared", "one", start=None) as first:
        await until(lambda: len(first.assigned()) == PARTITIONS)
        async with log.reader("shared", "two", start=None) as second:
            await until_shared(first, second)
            assert await first.tell(dict.fromkeys(second.assigned(), 0))


async def test_a_message_that_is_too_large_is_refused_with_its_batch(log: Log) -> None:
    """Before anything is sent: the small one beside it is not appended either."""
    large = Message("k", UUID(int=1), b"x" * (MAX_RECORD_BYTES + 1))
    with pytest.raises(TooLarge):
        await log.stream.append(log.topic, [message("k", 1), large])
    async with log.reader() as reader:
        assert sum((await reader.end_of(reader.assigned())).values()) == 0


async def test_large_records_come_in_several_polls(log: Log) -> None:
    """A poll holds at most 8 MiB, but always at least one record."""
    sent = await log.append(*["k"] * 20, size=250_000)
    async with log.reader() as reader:
        first = await read(reader, 1)
        assert sum(len(each.value) for each in first) <= POLL_BYTES
        got = first + await read(reader, len(sent) - len(first))
    assert [each.offset for each in got] == list(range(20))
    assert plain(got) == plain(sent)


async def test_a_poll_of_many_partitions_holds_no_more_than_one_of_few(log: Log) -> None:
    """Also when there was time to fetch all of them before somebody asks."""
    log.topic, count = f"{log.topic}-wide", 20
    assert await log.stream.create([Topic(log.topic, count, 400)])
    keys = {partition_of(key := f"k{number}", count): key for number in range(1_000)}
    sent = [each for key in keys.values() for each in await log.append(key, size=150_000)]
    assert len({each.partition for each in sent}) == count
    reader = await log.stream.subscribe(None, [log.topic], "", lambda: None)
    try:
        for partition in reader.assigned():
            reader.seek(partition, 0)
        await asyncio.sleep(AHEAD_SECONDS)
        polls: list[Sequence[Record]] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while sum(map(len, polls)) < count:
                polls.append(await reader.poll(1000, 200))
    finally:
        await reader.close(5.0)
    assert max(sum(len(each.value) for each in poll) for poll in polls) <= POLL_BYTES
    assert plain([record for poll in polls for record in poll]) == plain(sent)


async def test_no_more_is_fetched_ahead_than_one_large_record_of_a_partition(log: Log) -> None:
    """Nobody asks for a while, and memory does not fill with what waits there."""
    sent = [each for _ in range(20) for each in await log.append("k", size=250_000)]
    async with log.reader() as reader:
        tracemalloc.start()
        await asyncio.sleep(AHEAD_SECONDS)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 3 * MAX_RECORD_BYTES
        assert plain(await read(reader, len(sent))) == plain(sent)


async def test_whoever_asks_first_does_not_spoil_it_for_who_asks_beside(log: Log) -> None:
    """A log that was just opened is asked by several at once: each is answered."""
    asked = (log.stream.partitions([log.topic]) for _ in range(12))
    assert await asyncio.gather(*asked) == [{log.topic: PARTITIONS}] * 12


@pytest.mark.kafka
async def test_a_log_that_is_away_is_told_so_to_all_who_ask_at_once() -> None:
    """Whatever one of them clears away: nobody's own fault, so nobody ends for it."""
    async with open_stream(Config(kafka="127.0.0.1:1", topic_prefix="away.")) as stream:
        asked = (stream.told("members", "storefront") for _ in range(8))
        found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(each) for each in found} == {Unavailable}
