"""The log falls silent before the gateway: who connects is taken, and hears nothing.

The gateway alone is cut off: its relay empties the outbox all the while, so that each delivery
would go straight to the log again.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.processes import wait_until
from tests.faults import counter as counters
from tests.faults.counter import SWITCHED_SECONDS, SWITCHING_SECONDS, Counter
from tests.faults.ground import Ground
from tests.faults.load import ACCEPTED, Delivering

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def counter(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """One for all cases."""
    folder = tmp_path_factory.mktemp("silent")
    with counters.running(ground, folder, behind_proxy=True) as found:
        yield found


def cut_off(counter: Counter) -> None:
    """A hundred deliveries at once and sixty in turn, while the log says nothing."""
    burst, sales = counter.next(100), counter.next(60)
    with Delivering(counter.shop, counter.url, burst) as load:
        load.finish()
    assert load.answers == {ACCEPTED: len(burst)}
    assert load.slowest < SWITCHING_SECONDS
    took = sorted(map(counter.delivered, sales))
    assert took[int(0.9 * len(took))] < SWITCHED_SECONDS
    assert took[-1] < SWITCHING_SECONDS
    counter.site.ground.kafka.heal()
    counter.right(burst + sales)
    wait_until(lambda: goes_straight(counter), 20, "deliveries go straight to the log again")


def goes_straight(counter: Counter) -> bool:
    """Whether a delivery of now goes to the log without a way round."""
    (sale,) = counter.next(1)
    counter.delivered(sale)
    counter.right([sale])
    return counter.figure("intake_breaker_open") == 0


def test_webhooks_are_answered_in_time_while_the_log_says_nothing(counter: Counter) -> None:
    """Within 3 s, and once that is known within 100 ms, however often the log is tried again."""
    counter.straight()
    counter.site.ground.kafka.silence()
    cut_off(counter)


@pytest.mark.slow
def test_a_gateway_that_begins_while_the_log_says_nothing_answers_in_time(counter: Counter) -> None:
    """It has no connection yet, and waits for none longer than for an answer."""
    counter.gateway.kill()
    counter.site.ground.kafka.silence()
    counter.gateway.start()
    counter.site.wait_ready([counter.gateway], 1)
    cut_off(counter)
