"""The log breaks away: membership, reading and sending recover by themselves; nothing is lost.

One points worker, which reaches Kafka through a proxy, goes through all of it.
"""

import time
from collections.abc import Iterator

import pytest

from tests.faultproxy import Way
from tests.faults.ground import Ground
from tests.faults.rig import Rig, running


@pytest.fixture(scope="module")
def running_rig(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Points, reaching the log through the proxy."""
    with ground.site(tmp_path_factory.mktemp("log"), ground.members) as site:
        with running(site, **site.past_kafka) as rig:
            yield rig


@pytest.fixture
def rig(running_rig: Rig) -> Iterator[Rig]:
    """The rig; what a case broke is healed behind it."""
    yield running_rig
    running_rig.site.ground.heal()


@pytest.mark.timeout(300)
def test_a_broker_killed_under_load(rig: Rig) -> None:
    with rig.loading(2_000, 200) as load:
        load.wait(200)
        rig.site.ground.broker.kill()
        time.sleep(5)
        rig.site.ground.broker.start()
        print("moved", rig.wait_moved(), load.failures)
    print(rig.worker.process.said[-3000:])


@pytest.mark.timeout(300)
def test_a_broker_restarted_under_load(rig: Rig) -> None:
    with rig.loading(2_000, 200) as load:
        load.wait(200)
        rig.site.ground.broker.stop()
        rig.site.ground.broker.start()
        print("moved", rig.wait_moved(), load.failures)
    print(rig.worker.process.said[-3000:])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", [Way.BOTH, Way.UP, Way.DOWN], ids=["both", "up", "down"])
def test_a_log_cut_off(rig: Rig, way: Way) -> None:
    with rig.loading(2_000, 100) as load:
        load.wait(200)
        rig.site.ground.kafka.silence(way)
        time.sleep(20)
        rig.site.ground.kafka.heal()
        print("moved", rig.wait_moved(), load.failures)
    print(rig.worker.process.said[-3000:])


@pytest.mark.timeout(300)
def test_resets(rig: Rig) -> None:
    with rig.loading(1_000, 200) as load:
        for count in (200, 400, 600):
            load.wait(count)
            rig.site.ground.kafka.reset()
            print("moved", rig.wait_moved(), load.failures)
    print(rig.worker.process.said[-3000:])


@pytest.mark.timeout(300)
def test_jitter(rig: Rig) -> None:
    claims = rig.worker.figure("claims_total")
    rig.site.ground.kafka.delay(0.02, jitter=0.5)
    with rig.loading(1_000, 200) as load:
        load.finish()
    print(rig.worker.process.said[-3000:])
    assert claims == rig.worker.figure("claims_total")
