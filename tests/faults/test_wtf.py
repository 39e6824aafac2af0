import time, sys
import pytest
from collections.abc import Iterator
from tests.faults.ground import Ground
from tests.faults.rig import Rig, running
@pytest.fixture(scope="module")
def rig(ground: Ground, tmp_path_factory) -> Iterator[Rig]:
    with ground.site(tmp_path_factory.mktemp("log"), ground.members) as site:
        with running(site, **site.past_postgres) as rig:
            yield rig
    ground.heal()
@pytest.mark.timeout(600)
def test_many(rig):
    slow = []
    with rig.loading(12_000, 300) as load:
        for n in range(40):
            load.wait(100 * n)
            rig.site.ground.postgres.reset()
            t = rig.wait_moved(120)
            slow.append(round(t, 1))
    print(sorted(slow))
    said = rig.worker.process.said
    for w in ("Unexpected error", "RuntimeError", "made anew", "retry"):
        print(w, said.count(w))
