"""The database breaks away in the worst moments: the table is believed, nothing is guessed.

One points worker goes through all of it; after each case all totals must be right.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.processes import wait_until
from tests.faultproxy import Way
from tests.faults.ground import Ground
from tests.faults.rig import Rig, running

pytestmark = pytest.mark.timeout(300)
COMMIT = rb"storefront((?!BEGIN).)*COMMIT;"
"""The end of a batch's transaction: it told its positions, and no other has begun since."""
COPY = rb"(?i)copy [^;]*from stdin"
"""Rows on their way into a table."""
COMMAND_SECONDS = 35.0
"""A worker waits so long for an answer."""


@pytest.fixture(scope="module")
def running_rig(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Points, reaching its database through the proxy."""
    with ground.site(tmp_path_factory.mktemp("lost"), ground.members) as site:
        with running(site, **site.past_postgres) as rig:
            yield rig


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("words", [COMMIT, COPY], ids=["commit", "copy"])
def test_a_connection_lost_in_a_statement_is_settled_by_the_table(
    rig: Rig, words: bytes, *, answered: bool
) -> None:
    """Whether the server got it the worker cannot know: the position says."""
    with rig.loading(20_000, 500) as load:
        # Past its claims, whose transactions end likewise.
        rig.site.wait_passed("points", rig.site.passed("points") + 50)
        rolled_back = rig.worker.figure("batches_total", result="rolled-back")
        assert rig.site.ground.postgres.trap(words, answered=answered).wait(30)
        load.enough()
    assert rig.worker.figure("batches_total", result="rolled-back") == rolled_back + 1


def test_all_connections_reset_at_once(rig: Rig) -> None:
    with rig.loading(20_000, 200) as load:
        for _ in range(3):
            load.wait(len(load.acknowledged) + 100)
            rig.site.ground.postgres.reset()
            rig.wait_moved()
        load.enough()


def test_a_database_that_crashes_under_load_loses_nothing(rig: Rig) -> None:
    """It is away for a while, then commits again unaided within 30 s."""
    with rig.loading(600, 200) as load:
        load.wait(100)
        rig.site.ground.server.crash()
        load.wait(400)
        wait_until(lambda: rig.worker.answer("/readyz")[0] == 503, 10, "it tells that it waits")
        assert '"code":"database"' in rig.worker.answer("/readyz")[1]
        assert rig.worker.answer("/livez")[0] == 200
        rig.site.ground.server.start()
        assert rig.wait_moved() < 30


@pytest.mark.parametrize("way", [Way.BOTH, Way.UP, Way.DOWN], ids=["both", "up", "down"])
def test_a_database_that_answers_late_is_waited_for(rig: Rig, way: Way) -> None:
    """Nothing comes through for some seconds, then everything: no batch is lost or done twice."""
    with rig.loading(400, 200) as load:
        load.wait(100)
        rig.site.ground.postgres.silence(way)
        load.wait(300)
        rig.site.ground.postgres.heal()
        rig.wait_moved()


def test_jitter_to_the_database_only_slows(rig: Rig) -> None:
    claims = rig.worker.figure("claims_total")
    rig.site.ground.postgres.delay(0.01, jitter=0.05)
    with rig.loading(300, 200) as load:
        load.finish()
        rig.wait_moved()
        rig.site.ground.postgres.heal()
    assert rig.worker.figure("claims_total") == claims


@pytest.mark.slow
def test_a_database_far_away_only_slows(rig: Rig) -> None:
    """A quarter of a second each way: a batch takes many trips, and gets through."""
    claims = rig.worker.figure("claims_total")
    rig.site.ground.postgres.delay(0.25)
    with rig.loading(300, 200) as load:
        load.finish()
        rig.wait_moved()
        rig.site.ground.postgres.heal()
    assert rig.worker.figure("claims_total") == claims


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["vanish", "silence"])
def test_a_database_gone_without_a_word_is_given_up_after_the_command_limit(
    rig: Rig, fault: str
) -> None:
    """Half-open for good, or a black hole: new connections work again, old ones never answer."""
    with rig.loading(600, 100) as load:
        load.wait(100)
        proxy = rig.site.ground.postgres
        if fault == "vanish":
            proxy.vanish()
        else:
            proxy.silence()
            before = rig.worker.figure("batch_retries_total")
            rig.worker.wait_figure("batch_retries_total", before, 2 * COMMAND_SECONDS)
            proxy.heal()
        assert rig.wait_moved(2 * COMMAND_SECONDS) < COMMAND_SECONDS + 15
        load.finish()
