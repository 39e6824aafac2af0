"""Webhooks while Kafka is away: what nobody listens on at its address is a real outage."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.clock import monotonic
from shared.db.engine import Database
from shared.metrics import METRICS
from shared.relay import Relay
from shared.stream.factory import open_stream
from shared.surroundings import Surroundings
from tests.api.harness import Shop, Site, ok, open_shop, problem
from tests.backing.kafka import free_port
from tests.builders.deliveries import an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATIENT_SECONDS = 8.0
"""A storefront waits at least so long for an answer."""
AT_ONCE = 10
"""More wait for the few connections of a pool, and on a busy machine some would be told 503."""


@pytest_asyncio.fixture(loop_scope="session")
async def site(fresh_database: str, tmp_path: Path) -> AsyncIterator[Site]:
    """An installation whose Kafka is away; beside it a log in PostgreSQL."""
    async with Site.prepared(fresh_database, tmp_path / "keys") as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def away(site: Site) -> AsyncIterator[Shop]:
    """A shop at a gateway that does not reach its log."""
    there = site.config
    site.config = there.model_copy(update={"kafka": f"127.0.0.1:{free_port()}"})
    async with site.open("gateway") as api:
        shop = await open_shop(api)
        await site.execute("delete from gateway.outbox")  # the program's own events
        site.config = there
        yield shop


async def spooled(site: Site) -> list[str]:
    """Text ids of the orders whose events wait in the outbox, oldest first."""
    rows = await site.query("select unnest(ids) as id from gateway.outbox order by id")
    return [str(row["id"]) for row in rows]


async def test_webhooks_are_taken_while_the_log_is_away(site: Site, away: Shop) -> None:
    orders = [an_order_sent(order_id=f"A-{number}") for number in range(50)]
    began = monotonic()
    for start in range(0, 50, AT_ONCE):
        answers = await asyncio.gather(*(away.send(each) for each in orders[start:][:AT_ONCE]))
        assert [ok(answer, 202)["status"] for answer in answers] == ["published"] * AT_ONCE
    assert monotonic() - began < PATIENT_SECONDS
    assert len(set(await spooled(site))) == 50


async def relay(site: Site) -> None:
    """Send what the outbox holds to the log that is there."""
    stopping = asyncio.Event()
    url = site.config.database_url_of("gateway")
    async with (
        open_stream(site.config) as stream,
        Database("gateway", url, worker=True, size=2) as database,
    ):
        sending = asyncio.create_task(
            Relay("gateway", database, stream, Surroundings()).run(stopping)
        )
        async with asyncio.timeout(PATIENT_SECONDS):
            while await spooled(site):
                await asyncio.sleep(0.02)
        stopping.set()
        await sending


async def test_what_was_taken_goes_to_the_log_in_the_order_in_which_it_came(
    site: Site, away: Shop
) -> None:
    for number in range(20):
        ok(await away.send(an_order_sent(order_id=f"B-{number}")), 202)
    await relay(site)
    told = await site.told("storefront", away.program)
    assert [event["data"]["order_no"] for event in told] == [f"B-{n}" for n in range(20)]
    assert ok(await away.send(an_order_sent(order_id="B-7")), 202)["status"] == "duplicate"


async def test_the_breaker_and_what_was_spooled_are_told(away: Shop) -> None:
    before = away.api.app.state.metrics.render().decode()
    assert "shuke_intake_breaker_open 0.0" in before
    ok(await away.send_all(*(an_order_sent(order_id=f"C-{n}") for n in range(7))), 202)
    after = away.api.app.state.metrics.render().decode()
    assert "shuke_intake_breaker_open 1.0" in after
    assert "shuke_intake_spooled_total 7.0" in after


async def test_no_figure_of_the_gateway_holds_an_id(away: Shop) -> None:
    """Its routes are told as they are written, not as they are called."""
    ok(await away.send(an_order_sent(order_id="E-1")), 202)
    ok(await away.api.caller(away.program).get(f"/api/gateway/v1/connections/{away.connection}"))
    text = (await away.api.bearing(None).get("/metrics")).text
    assert 'shuke_intake_total{kind="generic",result="published"}' in text
    assert "/webhooks/{" in text
    for identity in (away.program, away.connection, away.store):
        assert identity not in text
    assert set(re.findall(r"^# TYPE shuke_(\w+)", text, re.MULTILINE)) == set(METRICS)


async def test_with_the_database_away_too_the_shop_is_asked_to_come_again(
    site: Site, away: Shop
) -> None:
    ok(await away.send(an_order_sent(order_id="D-0")), 202)
    await site.execute("revoke insert on gateway.outbox from shuke_gateway")
    refused = problem(await away.send(an_order_sent(order_id="D-1")), 503, "busy")
    assert refused
    await site.execute("grant insert on gateway.outbox to shuke_gateway")
    ok(await away.send(an_order_sent(order_id="D-1")), 202)
    assert len(await spooled(site)) == 2
