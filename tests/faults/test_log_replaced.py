"""The log is not the one that was read: the partition stands still and says so, nothing is skipped.

Each case is an installation of its own; after `shuke resume` its worker goes on.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.structs import OffsetAndMetadata

from shared import halts
from shared.db.positions import Resumption
from shared.stream.port import partition_of
from tests.bench import place as seeding
from tests.bench import workload
from tests.builders.actors import an_actor
from tests.e2e.processes import wait_until
from tests.faults import judging
from tests.faults.ground import Ground, Site, Worker
from tests.faults.load import Appending
from tests.faults.rig import Rig

pytestmark = pytest.mark.timeout(300)
TOPIC = "storefront"
PARTITIONS = 12
POSITIONS = f"select partition, next_offset from points.consumer_offset where topic = '{TOPIC}'"


@pytest.fixture
def rig(ground: Ground, tmp_path: Path) -> Iterator[Rig]:
    """A site whose points service has read 300 records; its worker has ended."""
    with ground.site(tmp_path, ground.members) as site:
        with site.worker("points") as worker:
            rig = Rig(site, worker)
            with rig.loading(300):
                pass
            worker.process.stop()
        yield rig
    ground.heal()


def tell(rig: Rig, told: list[workload.Told]) -> None:
    """Let the log take these."""
    with Appending(rig.site, [each.message() for each in told]) as load:
        load.finish()


def positions(site: Site) -> dict[int, int]:
    """Where points stands in each partition."""
    return {row["partition"]: row["next_offset"] for row in site.rows(POSITIONS)}


def ends(site: Site) -> dict[int, int]:
    """The offset that the next record of each partition will get."""

    async def ask() -> dict[int, int]:
        async with site.look([]) as look:
            assert look.stream is not None
            looker = await look.stream.subscribe(None, [TOPIC], "", lambda: None)
            try:
                found = await looker.end_of(looker.assigned())
            finally:
                await looker.close(2.0)
        return {number: offset for (_, number), offset in found.items()}

    return asyncio.run(ask())


def truncate(site: Site, offsets: Mapping[int, int]) -> None:
    """Delete all records before these."""
    name = site.stream().name(TOPIC)

    async def cut(admin: AIOKafkaAdminClient) -> None:
        before = {
            TopicPartition(name, number): RecordsToDelete(before_offset=at)
            for number, at in offsets.items()
        }
        await admin.delete_records(before)

    site.ask_kafka(cut)


def recreate(site: Site) -> None:
    """Delete the topic; an empty one takes its name."""
    name = site.stream().name(TOPIC)

    async def gone(admin: AIOKafkaAdminClient) -> bool:
        return name not in await admin.list_topics()

    async def delete(admin: AIOKafkaAdminClient) -> None:
        await admin.delete_topics([name])

    site.ask_kafka(delete)
    wait_until(lambda: site.ask_kafka(gone), 30, "the topic is gone")
    asyncio.run(seeding.load(site.ground.broker.address, site.prefix, TOPIC, []))


def wait_halted(worker: Worker, reason: str, count: int) -> None:
    """Wait until so many partitions stand still, and see that all ways tell an operator."""
    worker.wait_figure("partition_halted", count - 1, topic=TOPIC, reason=reason)
    status, text = worker.answer("/readyz")
    assert status == 503
    assert '"code":"halted"' in text
    assert reason in text
    told = [line for line in worker.lines("halted") if line["reason"] == reason]
    assert all("look, then: shuke resume points storefront" in line["detail"] for line in told)
    assert {line["partition"] for line in told}


def resume(site: Site, partitions: Iterable[int], at: int) -> None:
    """What `shuke resume` does for each."""

    async def each() -> None:
        async with site.look(["points"]) as look:
            assert look.stream is not None
            for number in partitions:
                how = Resumption("a test", "a test", at)
                await halts.resume(
                    look.databases["points"], look.stream, (TOPIC, number), how, an_actor()
                )

    asyncio.run(each())


@pytest.mark.parametrize(
    "running",
    [pytest.param(False, id="down"), pytest.param(True, id="paused", marks=pytest.mark.slow)],
)
def test_records_deleted_before_they_were_read_halt_their_partition_as_lost(
    rig: Rig, *, running: bool
) -> None:
    """The other partitions go on; the position stays until an operator moves it."""
    site, before = rig.site, positions(rig.site)
    lost = 3
    more = {"SHUKE_FAULT": "before_fence:stop@1"} if running else {}
    part = rig.next(400)
    if not running:
        tell(rig, part)
        cut = ends(site)[lost]
        assert cut > before[lost]
        truncate(site, {lost: cut})
    with site.worker("points", **more) as worker:
        if running:
            # Whatever was fetched already is taken; what comes behind it is deleted.
            tell(rig, part[:50])
            worker.wait_stopped()
            tell(rig, part[50:])
            cut = ends(site)[lost]
            truncate(site, {lost: cut})
            worker.go_on()
        wait_halted(worker, "lost", 1)
        at = positions(site)
        assert before[lost] <= at[lost] < cut
        wait_until(lambda: positions(site) | {lost: cut} == ends(site), 30, "the others are read")
        assert positions(site)[lost] == at[lost]
        read = {each.message().id for each in part} - _of(part, lost, at[lost] - before[lost])
        assert judging.applied(site, "points") >= read
        site.run("resume", "points", TOPIC, str(lost), "--at", str(cut), "--because", "a test")
        wait_until(lambda: worker.answer("/readyz")[0] == 200, 30, "the worker is ready again")
        rest = rig.next(300)
        tell(rig, rest)
        site.wait_quiet(["points"])
        assert judging.applied(site, "points") >= {each.message().id for each in rest}
        assert judging.violations(site, ["points"]) == []
    (row,) = site.rows("select reason, from_offset, to_offset, because from points.resumption")
    assert tuple(row) == ("lost", at[lost], cut, "a test")


def _of(part: list[workload.Told], partition: int, but_first: int) -> set[Any]:
    """Ids of the messages of a partition, without the first so many."""
    mine = [m for each in part if partition_of((m := each.message()).key, PARTITIONS) == partition]
    return {message.id for message in mine[but_first:]}


@pytest.mark.parametrize(
    "records",
    [pytest.param(60, id="shorter"), pytest.param(600, id="longer", marks=pytest.mark.slow)],
)
def test_a_topic_made_anew_halts_its_partitions_as_replaced(rig: Rig, records: int) -> None:
    """Also when it has grown past the position: the record before it is another one."""
    site, before = rig.site, positions(rig.site)
    applied = judging.applied(site, "points")
    recreate(site)
    part = rig.next(records)
    tell(rig, part)
    read = sorted(number for number, at in before.items() if at)
    with site.worker("points") as worker:
        wait_halted(worker, "replaced", len(read))
        assert {number: at for number, at in positions(site).items() if at} == {
            number: before[number] for number in read
        }
        assert judging.applied(site, "points") == applied
        resume(site, read, 0)
        wait_until(lambda: worker.answer("/readyz")[0] == 200, 30, "the worker is ready again")
        rig.right()
    assert site.value("select count(*) from points.resumption where reason = 'replaced'") == len(
        read
    )


@pytest.mark.parametrize(
    "what", ["deleted", pytest.param("behind", marks=pytest.mark.slow), "ahead"]
)
def test_the_offsets_that_kafka_keeps_of_us_are_not_used(rig: Rig, what: str) -> None:
    """The position in the table alone counts: nothing is skipped, nothing read twice."""
    site = rig.site
    group, name = site.stream().name("points"), site.stream().name(TOPIC)
    tell(rig, rig.next(300))

    async def delete(admin: AIOKafkaAdminClient) -> None:
        await admin._send_request(DeleteGroupsRequest([group]))
        assert not await admin.list_consumer_group_offsets(group)

    async def tell_other() -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=site.ground.broker.address, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            keys = [TopicPartition(name, number) for number in range(PARTITIONS)]
            consumer.assign(keys)
            wrong = await consumer.end_offsets(keys) if what == "ahead" else dict.fromkeys(keys, 0)
            await consumer.commit({key: OffsetAndMetadata(at, "") for key, at in wrong.items()})
        finally:
            await consumer.stop()

    if what == "deleted":
        site.ask_kafka(delete)
    else:
        asyncio.run(tell_other())
    with site.worker("points") as worker:
        worker.wait_ready()
        rig.right()
    assert judging.outcomes(site, "points").get("duplicate", 0) == _retold(rig)


def _retold(rig: Rig) -> int:
    return len(rig.told) - len({each.message().id for each in rig.told})
