"""Fifty kills in one run, over all processes under load: nothing is lost, nothing counts twice."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import crowd
from tests.faults.crowd import Crowd
from tests.faults.ground import Ground

KILLS = 50
SEED = 20_261_127
PER_SECOND = 25.0


@pytest.fixture
def running(ground: Ground, tmp_path: Path) -> Iterator[Crowd]:
    """Everything, ready."""
    with ground.site(tmp_path, ground.programme) as site, crowd.running(site) as found:
        yield found


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_fifty_kills_over_consumers_relays_and_gateway_lose_nothing(running: Crowd) -> None:
    """Each at a chance instant, some while the process is still starting."""
    chance = random.Random(SEED)  # noqa: S311 - the same at every run
    with running.telling(20_000, PER_SECOND) as load:
        for number in range(KILLS):
            load.wait(len(load.acknowledged) + chance.randrange(1, 100))
            running.kill(chance.choice(crowd.NAMES[number % 2 :]))
        load.wait(len(load.acknowledged) + 100)
        acknowledged = load.enough()
    assert len(acknowledged) > KILLS
    running.right(acknowledged)
