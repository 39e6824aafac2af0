"""The demo on Kafka, each service in processes of its own, all workers killed halfway."""

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from shared.config import SERVICES
from tests.e2e import oracle
from tests.e2e.processes import Place, Process, wait_until

SECONDS = 300.0
REJOIN_SECONDS = 60.0
"""A killed worker's partitions come back when its session has timed out, after 15 seconds."""


class Cluster:
    """Ten processes: of each service an API and a worker."""

    def __init__(self, place: Place, stack: ExitStack) -> None:
        self._place = place
        self._stack = stack
        self._apis = self._started("api")
        self._workers = self._started("worker")
        stack.callback(self._interrupt)
        place.wait_ready([*self._apis, *self._workers])

    def _interrupt(self) -> None:
        for process in (*self._apis, *self._workers):
            process.interrupt()

    def _started(self, command: str) -> list[Process]:
        return [self._stack.enter_context(self._place.running(command, name)) for name in SERVICES]

    def kill_workers(self) -> None:
        """All at once, without a word."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.wait(5)

    def start_workers(self) -> None:
        """As an orchestrator would."""
        self._workers = self._started("worker")
        self._stack.callback(self._interrupt)
        self._place.wait_ready([*self._apis, *self._workers])


@contextmanager
def cluster(place: Place) -> Iterator[Cluster]:
    """The processes for as long as the block, with schemas and topics made before."""
    place.run("migrate")
    place.run("topics")
    with ExitStack() as stack:
        yield Cluster(place, stack)


@pytest.mark.kafka
@pytest.mark.timeout(2 * SECONDS)
def test_killing_every_worker_halfway_changes_no_figure(
    kafka_servers: str, fresh_database: str, tmp_path: Path
) -> None:
    expected = oracle.figures(extras=True)
    place = Place(
        tmp_path,
        fresh_database,
        KAFKA_BOOTSTRAP_SERVERS=kafka_servers,
        SHUKE_TOPIC_PREFIX=f"t-{secrets.token_hex(4)}.",
    )
    with cluster(place) as running, place.running("demo", "--exit", "--json") as demo:
        half = expected["deliveries"] // 2
        wait_until(lambda: place.read_by_points() >= half, SECONDS, "half is read")
        running.kill_workers()
        reached = place.read_by_points()
        assert reached < expected["deliveries"], "killed before all was read"
        running.start_workers()
        wait_until(lambda: place.read_by_points() > reached, REJOIN_SECONDS, "reading goes on")
        demo.wait(SECONDS)
        assert demo.code == 0, str(demo)
        found = json.loads(demo.output.splitlines()[-1])
        verified = json.loads(place.run("verify", "--json"))
    assert {name: found[name] for name in expected} == expected
    assert found["verify_violations"] == 0
    assert found["reference_matches"] is None
    assert verified["violations"] == 0
    checked = {each["service"] for each in verified["invariants"]}
    assert checked >= {"members", "points", "campaigns", "analytics", "all"}
