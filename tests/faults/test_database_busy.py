"""The database runs and does not give what it should: the batch waits or is tried again.

One points worker goes through all of it; after each case all totals must be right.
"""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.e2e.processes import wait_until
from tests.faults.ground import Ground, Other
from tests.faults.rig import Rig, running

pytestmark = pytest.mark.timeout(300)
WAITING = """
select count(*) from pg_stat_activity
where application_name = 'shuke points worker' and wait_event_type = 'Lock'
"""
LOCK_SECONDS = 5.0
"""A worker waits so long for a lock."""


@pytest.fixture(scope="module")
def running_rig(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Points, reaching its database through the proxy."""
    with ground.site(tmp_path_factory.mktemp("busy"), ground.members) as site:
        with running(site, **site.past_postgres) as rig:
            yield rig


@pytest.fixture
def other(rig: Rig) -> Iterator[Other]:
    """Somebody else, in a transaction."""
    with rig.site.other() as other:
        other.run("begin")
        yield other


def wait_blocked(rig: Rig) -> None:
    """Wait until the worker waits for a lock."""
    wait_until(lambda: bool(rig.site.value(WAITING)), 20, "the worker waits for a lock")


@pytest.mark.parametrize(
    "table",
    [
        "entry",
        "consumer_offset",
        pytest.param("inbox", marks=pytest.mark.slow),
        pytest.param("outbox", marks=pytest.mark.slow),
    ],
)
def test_a_table_locked_by_somebody_is_tried_again_until_it_is_free(
    rig: Rig, other: Other, table: str
) -> None:
    """The lock is given up after 5 s, so that the worker never waits for ever; it stays alive."""
    retries = rig.worker.figure("batch_retries_total", **{"class": "LockNotAvailableError"})
    other.run(f"lock table points.{table} in access exclusive mode")
    with rig.loading(200, 200) as load:
        load.finish()
        rig.worker.wait_figure(
            "batch_retries_total", retries, 4 * LOCK_SECONDS, **{"class": "LockNotAvailableError"}
        )
        assert rig.worker.answer("/livez")[0] == 200
        other.run("rollback")


def test_a_batch_that_loses_a_deadlock_is_done_again(rig: Rig, other: Other) -> None:
    """Somebody takes the same locks the other way round, and is the more patient one.

    There are accounts before, or nobody would wait for anybody.
    """
    with rig.loading(200) as load:
        load.finish()
    before = rig.worker.figure("batch_retries_total", **{"class": "DeadlockDetectedError"})
    other.run("set deadlock_timeout = '60s'")
    other.run("select from points.account for update")
    with rig.loading(200) as load:
        load.finish()
        wait_blocked(rig)
        other.run("select from points.consumer_offset for update")
        other.run("rollback")
    after = rig.worker.figure("batch_retries_total", **{"class": "DeadlockDetectedError"})
    assert after == before + 1


def test_a_long_transaction_of_another_holds_nothing_up(rig: Rig, other: Other) -> None:
    """It sees the tables as they were, is told of, and the positions move on."""
    other.run("set transaction isolation level repeatable read")
    other.run("select count(*), pg_current_xact_id() from points.entry")
    with rig.loading(300, 300) as load:
        load.finish()
        rig.site.wait_passed("points", len(rig.told), 20)
        rig.worker.wait_figure("pg_oldest_transaction_seconds", 0.5, 30)


def test_a_server_without_a_free_connection_is_asked_again(rig: Rig) -> None:
    """The worker loses its own, and finds the server full."""
    label = {"class": "TooManyConnectionsError"}
    before = rig.worker.figure("batch_retries_total", **label)

    async def crowd() -> None:
        proxy, others = rig.site.ground.postgres, []
        proxy.refuse()
        try:
            while True:
                others.append(await asyncpg.connect(rig.site.config.database_url))
        except asyncpg.TooManyConnectionsError:
            proxy.heal()
            wait = rig.worker.wait_figure
            await asyncio.to_thread(wait, "batch_retries_total", before, 30.0, **label)
        finally:
            for each in others:
                each.terminate()

    with rig.loading(20_000, 100) as load:
        load.wait(50)
        asyncio.run(crowd())
        rig.wait_moved()
        load.enough()
