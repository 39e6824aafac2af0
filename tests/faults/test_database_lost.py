"""The database breaks away in the worst moments: the table is believed, nothing is guessed.

One points worker goes through all of it; after each case all totals must be right.
"""

from collections.abc import Iterator

import pytest

from tests.faults.ground import Ground
from tests.faults.rig import Rig, running

COMMIT = rb"storefront.*COMMIT;"
"""The end of a batch's transaction, right behind the statement that moves its positions."""
COPY = rb"(?i)copy [^;]*from stdin"
"""Rows on their way into a table."""


@pytest.fixture(scope="module")
def running_rig(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Points, reaching its database through the proxy."""
    with ground.site(tmp_path_factory.mktemp("lost"), ground.members) as site:
        with running(site, **site.past_postgres) as rig:
            yield rig


@pytest.fixture
def rig(running_rig: Rig) -> Iterator[Rig]:
    """The rig; what a case broke is healed behind it."""
    yield running_rig
    running_rig.site.ground.heal()


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("words", [COMMIT, COPY], ids=["commit", "copy"])
def test_a_connection_lost_in_a_statement_is_settled_by_the_table(
    rig: Rig, words: bytes, *, answered: bool
) -> None:
    """Whether the server got it the worker cannot know: the position says."""
    with rig.loading(1_000, 2_000) as load:
        rolled_back = rig.worker.figure("batches_total", result="rolled back")
        sprung = rig.site.ground.postgres.trap(words, answered=answered)
        load.finish()
        assert sprung.wait(30)
    assert rig.worker.figure("batches_total", result="rolled back") == rolled_back + 1


def test_all_connections_reset_at_once(rig: Rig) -> None:
    with rig.loading(1_000, 500) as load:
        for count in (200, 400, 600):
            load.wait(count)
            rig.site.ground.postgres.reset()
            rig.wait_moved()


def test_a_database_that_crashes_under_load_loses_nothing(rig: Rig) -> None:
    with rig.loading(1_000, 200) as load:
        load.wait(200)
        rig.site.ground.server.crash()
        load.wait(500)
        rig.site.ground.server.start()
        print(rig.wait_moved())
