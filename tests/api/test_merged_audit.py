"""The audit of all services as the gateway tells it, and what it tells when one is away."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.api import build_app
from shared.http.serve import listen, serve
from shuke.services import SERVICES
from tests.api.harness import Api, Site, ok, problem
from tests.api.worlds import POINTS, telling

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/api/gateway/v1/audit"
SERVED = ("members", "points")
UP_SECONDS = 20.0


async def up(sock: socket.socket) -> None:
    """Wait until somebody takes connections there."""
    async with asyncio.timeout(UP_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection(*sock.getsockname()[:2])
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


@asynccontextmanager
async def served(site: Site, *names: str) -> AsyncIterator[Api]:
    """The gateway, and these services behind it on ports of their own; the others are away."""
    sockets = {name: listen("127.0.0.1", 0) for name in names}
    urls = dict.fromkeys(SERVICES, "http://127.0.0.1:9")
    urls |= {name: f"http://127.0.0.1:{each.getsockname()[1]}" for name, each in sockets.items()}
    config = site.config.model_copy(update={"urls": urls})
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for name, sock in sockets.items():
            group.create_task(serve(build_app(SERVICES[name], config), sock, stopping))
        app = build_app(SERVICES["gateway"], config)
        try:
            await asyncio.gather(*map(up, sockets.values()))
            async with app.router.lifespan_context(app):
                yield Api(site, "gateway", app)
        finally:
            stopping.set()


async def deeds(gateway: Api, site: Site) -> str:
    """A program in which something is done at the gateway and in two services, by turns."""
    body = {"name": "Demo", "time_zone": "Asia/Shanghai", "currency": "CNY"}
    program = str(
        ok(await gateway.caller(None).post("/api/gateway/v1/programs", body), 201)["program_id"]
    )
    staff = gateway.caller(program)
    for name in SERVED:
        async with site.open(name) as api, telling(api, program):
            pass
    for number in range(3):
        store = {"kind": "generic", "name": f"Shop {number}"}
        ok(await staff.post("/api/gateway/v1/stores", store), 201)
        for service, document, body in (("points", "points", POINTS), ("members", "join", {})):
            path = f"/api/{service}/v1/settings/{document}"
            ok(await staff.send("PUT", path, body, if_match="*"))
    return program


TURNS = [("members", "settings.put"), ("points", "settings.put"), ("gateway", "stores.create")]


async def test_the_deeds_of_all_services_are_one_list(site: Site) -> None:
    """In whatever pages, each once, the newest first, the caller's network with it."""
    async with served(site, "members", "points", "campaigns", "analytics") as gateway:
        program = await deeds(gateway, site)
        staff = gateway.caller(program)
        answer = ok(await staff.get(PATH))
        told = [(item["service"], item["action"]) for item in answer["items"]]
        assert told == [*TURNS * 3, ("gateway", "programs.create")]
        assert (answer["away"], answer["next_page_token"]) == ([], None)
        assert {item["ip_prefix"] for item in answer["items"]} == {"127.0.0.0/24"}
        assert {item["program_id"] for item in answer["items"]} == {program}
        for size in (1, 2, 3, 7):
            assert await staff.walk(PATH, size) == answer["items"], size
        found = ok(await staff.get(PATH, action="settings.put", target="points"))["items"]
        assert [item["service"] for item in found] == ["points"] * 3
        operator = gateway.bearing(site.minter.mint("gateway"), **{"shuke-program": program})
        assert ok(await operator.get(PATH))["items"] == answer["items"]


async def test_a_service_that_is_away_is_named_and_does_not_keep_the_others_back(
    site: Site,
) -> None:
    async with served(site, *SERVED) as gateway:
        program = await deeds(gateway, site)
    async with served(site, "members") as gateway:
        staff = gateway.caller(program)
        answer = ok(await staff.get(PATH))
        assert answer["away"] == ["points", "campaigns", "analytics"]
        assert {item["service"] for item in answer["items"]} == {"gateway", "members"}
        assert len(answer["items"]) == 7
        assert await staff.walk(PATH, 2) == answer["items"]


@pytest.mark.parametrize("token", ["x", "WyIiXQ", "WyIiLCIiLCIiLCIiLCJhdWRfeCJd"])
async def test_a_page_token_of_elsewhere_is_refused(gateway: Api, token: str) -> None:
    answer = await gateway.caller(None).get(PATH, page_token=token)
    assert answer.status_code in {404, 422}
    problem(answer, answer.status_code, "invalid" if answer.status_code == 422 else "not-found")
