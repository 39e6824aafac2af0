"""Workers that die at the named points of a batch: the totals come out as if nothing had been.

`before_commit`: the batch is applied but not durable. `after_commit`: durable, but nobody was
told. `relay_sent`: events are in the log, and still in the outbox.
"""

import gzip
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

import pytest

from shared.config import SERVICES
from tests.e2e import oracle
from tests.e2e.processes import Place, Process, wait_until
from tests.e2e.stack import database

ORDERS = 800
SECONDS = 60.0
APPLYING = ("members", "points", "campaigns", "analytics")
ANNOUNCING = ("members", "points", "campaigns")
POINTS = (("before_commit", APPLYING), ("after_commit", APPLYING), ("relay_sent", ANNOUNCING))
"""Named points, and the services whose workers pass them while orders come in."""


@pytest.fixture(scope="module")
def place(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An installation with its APIs for all tests of this file; workers come and go."""
    folder = tmp_path_factory.mktemp("faults")
    with database(server, template) as url:
        place = Place(folder, url)
        place.run("migrate")
        place.run("topics")
        with place.running("api", "all") as apis:
            place.wait_ready([apis], len(SERVICES))
            yield place


def orders(folder: Path, number: int) -> Path:
    """A file of some of the shipped baskets; each number has its own."""
    path = folder / f"orders-{number}.csv.gz"
    with gzip.open(oracle.FILE, "rt", encoding="utf-8", newline="") as shipped:
        head, *rows = shipped
    baskets = [list(group) for _, group in groupby(rows, key=lambda row: row.partition(",")[0])]
    chosen = baskets[number * ORDERS : (number + 1) * ORDERS]
    with gzip.open(path, "wt", encoding="utf-8", newline="", compresslevel=1) as file:
        file.writelines([head, *(row for basket in chosen for row in basket)])
    return path


def die(place: Place, point: str, services: tuple[str, ...]) -> None:
    """Run the workers of some services; each must be killed by the fault."""
    with ExitStack() as stack:
        doomed: list[Process] = [
            stack.enter_context(place.running("worker", name, SHUKE_FAULT=f"{point}:kill"))
            for name in services
        ]
        for worker in doomed:
            worker.wait(SECONDS)
            assert worker.code == -signal.SIGKILL, str(worker)


@pytest.mark.timeout(4 * SECONDS)
@pytest.mark.parametrize(
    ("number", "point", "services"),
    [
        pytest.param(number, *case, id=case[0], marks=[pytest.mark.slow] if number else [])
        for number, case in enumerate(POINTS)
    ],
)
def test_a_kill_changes_no_figure(
    place: Place, tmp_path: Path, number: int, point: str, services: tuple[str, ...]
) -> None:
    path = orders(tmp_path, number)
    expected = oracle.figures(path, extras=True)
    assert expected["orders"] == ORDERS
    with place.running("demo", "--exit", "--json", "--orders", str(path)) as demo:
        before = place.read_by_points()
        with place.running("worker", "all") as workers:
            wait_until(lambda: place.read_by_points() > before, SECONDS, "orders come in")
            workers.kill()
        die(place, point, services)
        with place.running("worker", "all"):
            demo.wait(2 * SECONDS)
            assert demo.code == 0, str(demo)
    found = json.loads(demo.output.splitlines()[-1])
    assert {name: found[name] for name in expected} == expected
    assert found["verify_violations"] == 0
