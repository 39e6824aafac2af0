"""The log breaks away: membership, reading and sending recover by themselves; nothing is lost.

One points worker, which reaches Kafka through a proxy, goes through all of it; the load does not.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.processes import wait_until
from tests.faultproxy import Way
from tests.faults.ground import Ground
from tests.faults.rig import Rig, running

pytestmark = pytest.mark.timeout(300)
SESSION_SECONDS = 15.0
"""Who says nothing for so long is put out of the group."""


@pytest.fixture(scope="module")
def running_rig(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Points, reaching the log through the proxy."""
    with ground.site(tmp_path_factory.mktemp("log"), ground.members) as site:
        with running(site, **site.past_kafka) as rig:
            yield rig


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=pytest.mark.slow)])
def test_a_broker_that_goes_and_comes_again_under_load(rig: Rig, how: str) -> None:
    """What the producer could not get rid of it sends again with the same ids."""
    with rig.loading(1_000, 300) as load:
        load.wait(200)
        broker = rig.site.ground.broker
        broker.kill() if how == "kill" else broker.stop()
        wait_until(lambda: load.failures > 0, 30, "the load is not acknowledged")
        broker.start()
        assert rig.wait_moved() < 40


def test_connections_to_the_log_reset_again_and_again(rig: Rig) -> None:
    with rig.loading(20_000, 100) as load:
        for _ in range(4):
            load.wait(len(load.acknowledged) + 100)
            rig.site.ground.kafka.reset()
            rig.wait_moved()
        load.enough()


def test_a_log_that_is_not_to_be_reached_for_a_while(rig: Rig) -> None:
    """Nobody listens at its address; the worker is not ready to be killed for that."""
    with rig.loading(600, 100) as load:
        load.wait(100)
        rig.site.ground.kafka.refuse()
        load.wait(400)
        assert rig.worker.answer("/livez")[0] == 200
        rig.site.ground.kafka.heal()
        assert rig.wait_moved() < 40


@pytest.mark.parametrize("way", [Way.BOTH, Way.UP, Way.DOWN], ids=["both", "up", "down"])
def test_a_log_that_falls_silent_for_some_seconds(rig: Rig, way: Way) -> None:
    with rig.loading(600, 100) as load:
        load.wait(100)
        rig.site.ground.kafka.silence(way)
        load.wait(400)
        rig.site.ground.kafka.heal()
        assert rig.wait_moved() < 40


@pytest.mark.slow
@pytest.mark.parametrize("way", [Way.BOTH, Way.UP, Way.DOWN], ids=["both", "up", "down"])
def test_a_log_that_falls_silent_past_the_session(rig: Rig, way: Way) -> None:
    """The worker was put out of its group: it joins again and claims."""
    claims = rig.worker.figure("claims_total")
    with rig.loading(int(100 * 2 * SESSION_SECONDS), 100) as load:
        load.wait(100)
        rig.site.ground.kafka.silence(way)
        load.wait(int(100 * 1.5 * SESSION_SECONDS))
        rig.site.ground.kafka.heal()
        assert rig.wait_moved() < 60
    assert rig.worker.figure("claims_total") > claims


@pytest.mark.slow
def test_a_log_whose_connections_are_half_open_for_good(rig: Rig) -> None:
    with rig.loading(1_500, 100) as load:
        load.wait(100)
        rig.site.ground.kafka.vanish()
        assert rig.wait_moved(120) < 60


def test_jitter_to_the_log_only_slows(rig: Rig) -> None:
    """The worker stays a member all the while."""
    claims = rig.worker.figure("claims_total")
    rig.site.ground.kafka.delay(0.02, jitter=0.3)
    with rig.loading(400, 200) as load:
        load.finish()
        rig.site.wait_passed("points", len(rig.told))
        rig.site.ground.kafka.heal()
    assert rig.worker.figure("claims_total") == claims
