"""What a worker answers of itself: whether it lives, is ready, has started."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from shared import halts, health, measuring, pipeline
from shared.clock import monotonic
from shared.config import Config
from shared.db.engine import Database
from shared.db.positions import Resumption
from shared.events.catalogue import Topic, topics
from shared.health import Progress
from shared.ids import text_id
from shared.measuring import measure
from shared.metrics import Metrics
from shared.random_ids import random_id
from shared.stream.factory import open_stream
from shared.surroundings import Surroundings
from shared.watching import Worker, health_app, watch
from tests.backing.kafka import free_port
from tests.builders.actors import an_actor
from tests.builders.storefront import an_order
from tests.flow.working import NOON, POINTS, SECONDS, Working, a_program, away, meddle, working

SHORT_SECONDS = 2.0
"""Instead of two minutes."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Liveness asks for progress within seconds, and what is away is tried again soon."""
    monkeypatch.setattr(health, "PROGRESS_SECONDS", SHORT_SECONDS)
    monkeypatch.setattr(pipeline, "BACKOFF_SECONDS", (0.1, 0.5))


@pytest.fixture
async def worker(fresh_database: str, tmp_path: Path) -> AsyncIterator[Working]:
    """A worker at a log of its own."""
    async with working(fresh_database, tmp_path) as worker:
        yield worker


@pytest.mark.usefixtures("impatient")
async def test_a_worker_that_commits_nothing_while_there_is_work_is_stuck(
    worker: Working, fresh_database: str
) -> None:
    """Here the event's program is not known yet; when it is, the worker gets on."""
    assert await worker.code("/livez") == "ok"
    program = text_id("prg", random_id())
    await worker.append(an_order(program, no="A-1", at=NOON, amount_minor=1_000))
    await worker.becomes("/livez", "stuck")
    assert "nothing was committed" in (await worker.get("/livez")).json()["detail"]
    async with a_program(fresh_database, program) as told:
        await worker.becomes("/livez", "ok")
        assert [row["order_no"] for row in await told.rows("purchase")] == ["A-1"]


@pytest.mark.usefixtures("impatient")
async def test_a_worker_lives_while_its_database_is_away_and_then_gets_on(
    worker: Working, server: str, fresh_database: str
) -> None:
    """It is not ready, and no start anew would help."""
    async with a_program(fresh_database) as told:
        await worker.becomes("/readyz", "ok")
        await worker.append(an_order(told.program.text_id, no="A-1", at=NOON))
        await worker.comes_to("lag_events", lambda found: sum(found.values()) == 0)
    async with away(server, fresh_database):
        await worker.becomes("/readyz", "database")
        began = monotonic()
        while monotonic() - began < 2 * SHORT_SECONDS:
            assert await worker.code("/livez") == "ok"
        assert sum((await worker.figures("batch_retries_total")).values()) > 0
    await worker.becomes("/readyz", "ok")
    async with a_program(fresh_database) as told:
        await worker.append(an_order(told.program.text_id, no="A-2", at=NOON))
        async with asyncio.timeout(SECONDS):
            while not await told.rows("purchase"):
                await asyncio.sleep(0.05)
    answer = await worker.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("impatient")
async def test_a_worker_lives_while_its_log_is_away(fresh_database: str, tmp_path: Path) -> None:
    """Readiness does not ask the log either; the question is what `/startupz` is for."""
    nobody = f"127.0.0.1:{free_port()}"
    async with working(fresh_database, tmp_path, KAFKA_BOOTSTRAP_SERVERS=nobody) as worker:
        await worker.comes_to("batch_retries_total", lambda found: sum(found.values()) >= 3)
        assert (await worker.get("/livez")).json() == {"status": "ok", "waits_for": "log"}
        assert await worker.code("/readyz") == "ok"
        assert await worker.code("/startupz") == "log"


def test_a_dependency_that_is_not_tried_again_excuses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What hangs after an outage hangs, whatever it waited for before."""
    progress = Progress()
    progress.waits("database")
    assert progress.stuck is None
    monkeypatch.setattr(health, "PROGRESS_SECONDS", 0.0)
    assert progress.stuck is not None


async def test_figures_that_never_come_hold_no_beat_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that takes the question and gives no answer does not end a process."""
    monkeypatch.setattr(measuring, "BEAT_SECONDS", 0.01)
    stopping, beats, never = asyncio.Event(), 0, asyncio.Event()

    async def figures() -> None:
        await never.wait()

    def beat() -> None:
        nonlocal beats
        beats += 1
        if beats == 10:
            stopping.set()

    async with asyncio.timeout(SECONDS):
        await measure(Metrics(), figures, stopping, beat)
    assert beats == 10


async def test_a_worker_at_an_older_schema_is_not_ready(
    worker: Working, fresh_database: str
) -> None:
    """Somebody went back to the version before."""
    await worker.becomes("/readyz", "ok")
    await meddle(fresh_database, "update alembic_version set version_num = '20261122_1'")
    assert await worker.code("/readyz") == "schema"
    assert await worker.code("/startupz") == "schema"
    assert await worker.code("/livez") == "ok"


async def test_a_worker_with_a_halted_partition_is_not_ready_until_it_is_resumed(
    worker: Working, fresh_database: str
) -> None:
    """It lives: to start it anew would change nothing."""
    await worker.comes_to("lag_events", lambda found: ("storefront", "3") in found)
    await meddle(
        fresh_database,
        "update consumer_offset set state = 1, halt_reason = 'gap', epoch = epoch + 1"
        " where topic = 'storefront' and partition = 3",
    )
    async with a_program(fresh_database) as told:
        for number in range(40):  # one of them is fenced in partition 3
            await worker.append(
                an_order(told.program.text_id, no=f"A-{number}", buyer=text_id("cus", random_id()))
            )
        await worker.becomes("/readyz", "halted")
        assert await worker.code("/livez") == "ok"
        assert await worker.figures("partition_halted") == {("storefront", "3", "gap"): 1}
        how = Resumption("looked", "ann", at=0)
        await halts.resume(told.database, worker.stream, ("storefront", 3), how, an_actor())
        await worker.becomes("/readyz", "ok")
        assert await worker.figures("partition_halted") == {("storefront", "3", "gap"): 0}
        async with asyncio.timeout(SECONDS):
            while len(await told.rows("purchase")) < 40:
                await asyncio.sleep(0.05)


async def test_a_worker_that_is_stopping_is_not_ready(fresh_database: str) -> None:
    config = Config.from_environment({"DATABASE_URL": fresh_database})
    stopping = asyncio.Event()
    async with (
        Database("points", fresh_database, worker=True, size=2) as database,
        open_stream(config) as stream,
    ):
        seen = Worker(POINTS, config, database, stream, Surroundings())
        assert await seen.unready() is None
        stopping.set()
        await watch(seen, stopping)
        transport = httpx2.ASGITransport(app=health_app(seen))
        async with httpx2.AsyncClient(transport=transport, base_url="http://worker") as client:
            answer = await client.get("/readyz")
            assert (answer.status_code, answer.json()["code"]) == (503, "draining")
            assert (await client.get("/livez")).status_code == 200


async def test_start_up_names_what_is_missing(fresh_database: str) -> None:
    """The database that loses what it acknowledged, the topics, their partitions; in this order."""
    tested = Config.from_environment({"DATABASE_URL": fresh_database, "SHUKE_PROFILE": "test"})
    real = Config.from_environment({"DATABASE_URL": fresh_database})
    wanted = [topic for topic in topics() if topic.name != "points"]
    async with (
        Database("points", fresh_database, worker=True, size=2) as database,
        open_stream(tested) as stream,
    ):
        seen = Worker(POINTS, tested, database, stream, Surroundings())
        found = [await Worker(POINTS, real, database, stream, Surroundings()).unstarted()]
        found.append(await seen.unstarted())
        await stream.create(wanted)
        found.append(await seen.unstarted())
        await stream.create([Topic("points", 3, 400)])
        found.append(await seen.unstarted())
    codes = [why[0] for why in found if why is not None]
    assert codes == ["durability", "topics", "topics", "topics"]
    assert [why[1] for why in found[2:] if why is not None] == [
        "There is no topic points: run `shuke topics`.",
        "Topic points has 3 partitions instead of 12.",
    ]


async def test_a_worker_that_has_all_it_needs_has_started(worker: Working) -> None:
    assert (await worker.get("/startupz")).json() == {"status": "started"}
