"""What the gateway lets pass and services find out: from signed requests to their answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.gateway.known import Known
from shared.stream.factory import open_stream
from shared.worker import run_worker
from shuke.services import SERVICES
from tests.api.harness import Api, Site, ok, open_shop
from tests.api.worlds import POINTS
from tests.builders.deliveries import a_line_sent, a_refund_sent, an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
READERS = ("members", "points", "campaigns", "analytics")
WAIT_SECONDS = 60.0


@asynccontextmanager
async def working(site: Site) -> AsyncIterator[None]:
    """All workers of an installation."""
    stopping = asyncio.Event()
    async with open_stream(site.config) as stream, asyncio.TaskGroup() as group:
        for service in SERVICES.values():
            group.create_task(run_worker(service, site.config, stream, site.keys, stopping))
        try:
            yield
        finally:
            stopping.set()


async def until(found: Callable[[], Awaitable[Any]]) -> Any:
    """What is found, once something is."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not (value := await found()):
            await asyncio.sleep(0.05)
    return value


@pytest.mark.timeout(180)
async def test_what_the_gateway_forgot_the_services_remember(
    fresh_database: str, tmp_path: Path
) -> None:
    """An id reused is quarantined by each, the first stands; a refund too large is clipped."""
    async with Site.prepared(fresh_database, tmp_path / "keys") as site, working(site):
        async with site.open("gateway") as gateway, site.open("points") as points:
            await story(site, gateway, points)


async def story(site: Site, gateway: Api, points: Api) -> None:
    """An order, the same again for more money once it is forgotten, a refund beyond it."""
    shop = await open_shop(gateway)
    staff = points.caller(shop.program)
    await until(lambda: known(points, shop.program))
    path = "/v1/settings/points"
    ok(await staff.send("PUT", path, POINTS, if_match="*"))
    ok(await staff.post(f"{path}:publish", if_match="*"))
    assert ok(await shop.send(an_order_sent()), 202)["status"] == "published"
    gateway.app.state.intake._known = Known()
    dearer = an_order_sent(a_line_sent(list_minor=2999))
    assert ok(await shop.send(dearer), 202)["status"] == "published"
    assert ok(await shop.send(a_refund_sent(9999)), 202)["status"] == "published"

    async def listed() -> Any:
        return ok(await staff.get("/v1/exceptions"))["items"]

    (found,) = await until(listed)
    assert (found["reason"], found["excess_minor"]) == ("over-refund", 9999 - 1999)
    (event, _, _) = await site.told("storefront", shop.program)
    for service in READERS:
        (row,) = await until(partial(quarantined, site, service, shop.program))
        assert (row["class"], row["state"]) == ("conflict", 0)
        assert str(row["event_id"]) == event["id"]
    assert ok(await staff.get("/v1/totals"))["order_total_minor"] == 1999
    letters = await until(lambda: site.told("points.dead-letter", shop.program))
    assert [letter["data"]["class"] for letter in letters] == ["conflict"]


async def known(points: Api, program: str) -> bool:
    """Whether points has heard of a program."""
    answer = await points.caller(program).get("/v1/totals")
    return answer.status_code == 200


async def quarantined(site: Site, service: str, program: str) -> list[dict[str, Any]]:
    """What a service set aside of a program."""
    return await site.query(f"select * from {service}.quarantine where program = $1", program)
