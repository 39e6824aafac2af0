"""The ground that all faults are tried on."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.backing import kafka
from tests.faults import ground as grounds
from tests.faults.ground import Ground
from tests.faults.rig import Rig


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Keep all cases in one process: one ground serves them, and no two faults are at work."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.xdist_group(here.name))


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """A broker and a server of our own. Skips, loudly, where no broker can be started."""
    try:
        with grounds.found() as found:
            yield found
    except kafka.NoKafka as missing:
        kafka.missed(missing)


@pytest.fixture
def rig(running_rig: Rig) -> Iterator[Rig]:
    """The rig; what a case broke is healed behind it."""
    yield running_rig
    running_rig.site.ground.heal()
