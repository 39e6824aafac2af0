"""The gateway while the log is dead, and under callers who mean it no good.

What it acknowledged with 202 arrives, whatever happens behind it.
"""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.bench.intake import told
from tests.e2e.processes import wait_until
from tests.faults import counter as counters
from tests.faults.counter import SWITCHED_SECONDS, SWITCHING_SECONDS, Counter
from tests.faults.ground import Ground
from tests.faults.load import ACCEPTED, Delivering, signed

BODY_SECONDS = 10.0
pytestmark = pytest.mark.timeout(300)
OUTAGE_SECONDS = 120.0
BUSY = 503
PATIENCE_SECONDS = 8.0
"""A storefront waits at least so long for an answer."""


@pytest.fixture(scope="module")
def counter(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    """One for all cases."""
    with counters.running(ground, tmp_path_factory.mktemp("gateway")) as found:
        yield found


@pytest.mark.parametrize("how", ["kill", pytest.param("stop", marks=pytest.mark.slow)])
def test_webhooks_are_acknowledged_while_the_broker_is_dead_and_all_arrive_afterwards(
    counter: Counter, how: str
) -> None:
    """They are committed to the gateway's own outbox; its relay sends them when the log is back."""
    sales, broker = counter.next(600), counter.site.ground.broker
    with Delivering(counter.shop, counter.url, sales, 100) as load:
        load.wait(100)
        broker.kill() if how == "kill" else broker.stop()
        wait_until(lambda: counter.figure("intake_breaker_open") == 1, 20, "the breaker is open")
        load.wait(len(load.acknowledged) + 200)
        assert counter.site.value("select count(*) from gateway.outbox") > 0
        broker.start()
        load.finish()
    assert load.answers == {ACCEPTED: len(sales)}
    assert load.slowest < PATIENCE_SECONDS
    counter.right(sales)
    counter.straight()


def test_a_hundred_webhooks_are_answered_in_time_while_the_broker_is_dead(counter: Counter) -> None:
    """All within 3 s, and one after the other within 100 ms once the outage is known.

    The gateway has a way to the log before: to make one fails at once, to lose one takes time.
    """
    counter.straight()
    burst, sales = counter.next(100), counter.next(50)
    counter.site.ground.broker.kill()
    with Delivering(counter.shop, counter.url, burst) as load:
        load.finish()
    assert load.answers == {ACCEPTED: len(burst)}
    assert load.slowest < SWITCHING_SECONDS
    assert counter.figure("intake_breaker_open") == 1
    took = [counter.delivered(sale) for sale in sales]
    assert sorted(took)[int(0.9 * len(took))] < SWITCHED_SECONDS
    counter.site.ground.broker.start()
    counter.right(burst + sales)
    counter.straight()


def test_webhooks_go_straight_to_the_log_while_the_database_is_away(counter: Counter) -> None:
    """The gateway knows the connection; what it cannot record of deliveries it counts."""
    counter.straight()
    sales, server = counter.next(200), counter.site.ground.server
    dropped = counter.figure("delivery_log_dropped_total")
    server.crash()
    try:
        with Delivering(counter.shop, counter.url, sales, 100) as load:
            load.finish()
    finally:
        server.start()
    assert load.answers == {ACCEPTED: len(sales)}
    assert load.slowest < SWITCHING_SECONDS
    counter.right(sales)
    recorded = counter.site.value(
        "select count(*) from gateway.delivery where status = 'published'"
    )
    lost = counter.figure("delivery_log_dropped_total") - dropped
    assert recorded + lost >= len(sales)


@pytest.mark.slow
def test_two_minutes_without_the_log_and_a_while_without_the_database_too(
    counter: Counter,
) -> None:
    """202 from the gateway's own outbox, 503 while neither can take it; all arrives, once."""
    sales, ground = counter.next(6_000), counter.site.ground
    with Delivering(counter.shop, counter.url, sales, 40) as load:
        load.wait(100)
        ground.broker.kill()
        wait_until(lambda: counter.figure("intake_breaker_open") == 1, 20, "the breaker is open")
        began, accepted = time.monotonic(), load.answers[ACCEPTED]
        while time.monotonic() - began < OUTAGE_SECONDS / 2:
            time.sleep(1)
        assert load.answers.keys() == {ACCEPTED}
        assert load.answers[ACCEPTED] > accepted + OUTAGE_SECONDS / 2 * 30
        ground.server.crash()
        wait_until(lambda: load.answers[BUSY] > 0, 20, "neither takes it")
        assert load.answers.keys() == {ACCEPTED, BUSY}
        ground.server.start()
        while time.monotonic() - began < OUTAGE_SECONDS:
            time.sleep(1)
        ground.broker.start()
        load.finish()
    counter.right(sales)
    counter.straight()


def test_a_gateway_killed_under_load_keeps_what_it_acknowledged(counter: Counter) -> None:
    """The shop repeats what was not answered, and nothing counts twice."""
    sales = counter.next(400)
    with Delivering(counter.shop, counter.url, sales, 100) as load:
        for count in (100, 200):
            load.wait(count)
            counter.gateway.kill()
            counter.gateway.start()
        load.finish()
    assert load.failures > 0
    counter.right(sales)


def test_a_body_that_drips_is_cut_off_while_others_are_served(counter: Counter) -> None:
    """Fifty callers send a byte now and then; after 10 s they are told 408."""
    sales = counter.next(300)

    def drip(_: int) -> tuple[int, float]:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", counter.site.port), timeout=5) as line:
            line.sendall(
                f"POST /webhooks/{counter.shop.connection} HTTP/1.1\r\nhost: x\r\n"
                "content-type: application/json\r\ncontent-length: 1000\r\n\r\n".encode()
            )
            line.settimeout(0.5)
            while time.monotonic() - began < 3 * BODY_SECONDS:
                line.sendall(b" ")
                try:
                    answer = line.recv(4096)
                except TimeoutError:
                    continue
                return int(answer.split()[1]), time.monotonic() - began
        raise AssertionError("it was never cut off")

    with ThreadPoolExecutor(50) as pool, Delivering(counter.shop, counter.url, sales, 30) as load:
        ends = list(pool.map(drip, range(50)))
        load.finish()
    assert {status for status, _ in ends} == {408}
    assert all(BODY_SECONDS - 1 < took < BODY_SECONDS + 3 for _, took in ends)
    assert load.answers == {ACCEPTED: len(sales)}
    assert load.slowest < 2
    counter.right(sales)


def test_a_flood_of_bad_signatures_is_told_to_slow_down_and_good_ones_do_not_notice(
    counter: Counter,
) -> None:
    """Counted by address; a good signature is taken from anybody, from the same address too."""
    sales, flooding = counter.next(300), "203.0.113.7"
    raw = json.dumps(told(sales[0])).encode()
    forged = signed(counter.shop, raw, "msg_forged") | {
        "webhook-signature": "v1,Zm9yZ2Vk",
        "x-forwarded-for": flooding,
    }
    good = {"x-forwarded-for": flooding}
    url = f"{counter.url}/webhooks/{counter.shop.connection}"
    with Delivering(counter.shop, counter.url, sales, 60, good) as load:
        with httpx2.Client() as client:
            answers = [client.post(url, content=raw, headers=forged) for _ in range(400)]
            other = client.post(url, content=raw, headers=forged | {"x-forwarded-for": "::1"})
        load.finish()
    assert [answer.status_code for answer in answers] == [401] * 60 + [429] * 340
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in answers[60:])
    assert other.status_code == 401
    assert load.answers == {ACCEPTED: len(sales)}
    assert load.slowest < 2
    counter.right(sales)
