"""Workers die, stand still, come and go: each record takes effect once, whoever was at it."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.processes import wait_until
from tests.faults import judging
from tests.faults.ground import Ground, Site
from tests.faults.rig import Rig

pytestmark = pytest.mark.timeout(300)
POINTS = ("before_fence", "before_commit", "after_commit", "relay_sent")
NAMED = {"SHUKE_WORKER_NAME": "one"}
"""Who comes again under its name is in its group at once."""
SESSION_SECONDS = 15.0
"""After so long a member that says nothing is taken for dead."""


@pytest.fixture(scope="module")
def site(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An installation for all cases."""
    with ground.site(tmp_path_factory.mktemp("workers"), ground.members) as site:
        yield site


@pytest.fixture(scope="module")
def telling(site: Site) -> Rig:
    """What is told to it, case by case; each case brings workers of its own."""
    return Rig(site)


@pytest.fixture
def rig(telling: Rig) -> Iterator[Rig]:
    """The rig."""
    yield telling
    telling.site.ground.heal()


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_a_named_point_of_its_batch(rig: Rig, point: str) -> None:
    """Before the commit nothing was done, behind it all; nothing that was posted goes untold."""
    with rig.loading(20_000, 50) as load:
        with rig.site.worker("points", SHUKE_FAULT=f"{point}:kill@3", **NAMED) as doomed:
            doomed.process.wait(60)
            assert doomed.process.code == -signal.SIGKILL, str(doomed.process)
        rig.stack.enter_context(rig.site.worker("points", **NAMED))
        load.enough()
    posted = rig.site.value("select count(*) from points.entry")
    assert judging.entries_told(rig.site) == posted > 0


@pytest.mark.slow
def test_a_worker_killed_at_chance_instants(rig: Rig) -> None:
    chance = random.Random(20_261_127)  # noqa: S311 - the same at every run
    with rig.loading(20_000, 50) as load:
        for _ in range(4):
            with rig.site.worker("points", **NAMED) as worker:
                worker.wait_ready()
                rig.wait_moved()
                time.sleep(chance.random())
                worker.process.kill()
        rig.stack.enter_context(rig.site.worker("points", **NAMED))
        load.enough()


@pytest.mark.parametrize(
    "point", ["before_fence", pytest.param("before_commit", marks=pytest.mark.slow)]
)
def test_a_worker_that_stood_still_past_its_session_is_fenced(rig: Rig, point: str) -> None:
    """Another has claimed its partitions meanwhile, or the server has rolled it back."""
    with rig.loading(20_000, 30) as load:
        zombie = rig.stack.enter_context(rig.site.worker("points", SHUKE_FAULT=f"{point}:stop@2"))
        zombie.wait_stopped()
        heir = rig.stack.enter_context(rig.site.worker("points", 1))
        heir.wait_ready()
        rig.wait_moved(3 * SESSION_SECONDS)
        zombie.go_on()
        lost = "fenced_total" if point == "before_fence" else "batch_retries_total"
        zombie.wait_figure(lost, 0)
        load.enough()


def test_a_batch_held_up_across_a_rebalance_counts_once(rig: Rig) -> None:
    """Somebody holds the accounts for 8 s, while another worker joins and claims."""
    with ExitStack() as stack:
        first = stack.enter_context(rig.site.worker("points"))
        first.wait_ready()
        other = stack.enter_context(rig.site.other())
        other.run("begin; select from points.account for update")
        with rig.loading(400, 400) as load:
            load.finish()
            held_at = time.monotonic()
            second = stack.enter_context(rig.site.worker("points", 1))
            second.wait_ready()
            wait_until(lambda: time.monotonic() - held_at > 8, 10, "the lock was held for 8 s")
            other.run("rollback")
        assert first.figure("claims_total") + second.figure("claims_total") > 12


def test_what_another_read_meanwhile_is_no_gap_for_who_gets_it_back(rig: Rig) -> None:
    """It claims them anew where the guest has come to, at once; what it knew of them is void."""
    with rig.loading(20_000, 40) as load:
        steady = rig.stack.enter_context(rig.site.worker("points"))
        steady.wait_ready()
        with rig.site.worker("points", 1) as guest:
            guest.wait_ready()
            guest.wait_figure("events_total", 20)
        rig.wait_moved()
        load.enough()
    for trouble in ("halted", "fenced", "reader made anew"):
        assert steady.lines(trouble) == []


@pytest.mark.slow
def test_workers_that_come_and_go_every_two_seconds(rig: Rig) -> None:
    """There is progress all the while, and nothing twice."""
    steady = rig.stack.enter_context(rig.site.worker("points"))
    steady.wait_ready()
    with rig.loading(20_000, 100) as load:
        for number in range(15):
            visit(rig.site, number)
            time.sleep(2)
        rig.wait_moved()
        load.enough()


def visit(site: Site, number: int) -> None:
    """A worker joins for two seconds; every other one dies instead of leaving."""
    with site.worker("points", 1 + number % 3) as guest:
        guest.wait_ready()
        time.sleep(2)
        if number % 2:
            guest.process.kill()
