"""What staff make at the gateway: programs, stores, connections, keys; and the way to services."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.api import build_app
from shared.clock import system
from shared.http.serve import listen, serve
from shared.ids import uuid_of
from shuke.services import SERVICES
from tests.api.harness import Api, Caller, Shop, Site, ok, open_shop, problem
from tests.api.worlds import World, a_world
from tests.builders.deliveries import a_check_in_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = "/api/gateway/v1"
PROGRAM = {"name": "Demo", "time_zone": "Asia/Shanghai", "currency": "CNY"}


async def test_a_program_is_made_and_told_to_every_service(gateway: Api) -> None:
    operator = gateway.caller(None)
    made = ok(await operator.post(f"{ROOT}/programs", PROGRAM), 201)
    assert made.items() >= PROGRAM.items()
    assert (made["status"], made["version"], made["default_region"]) == ("open", 1, "CN")
    assert made in ok(await operator.get(f"{ROOT}/programs"))["items"]
    assert len(await gateway.site.rows("gateway.program_key", made["program_id"])) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"currency": "RMB"}, "/currency"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"default_region": "china"}, "/default_region"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_a_program_that_cannot_be_is_refused(
    shop: Shop, change: dict[str, str], pointer: str
) -> None:
    operator = shop.api.caller(None)
    async with shop.nothing_changes():
        body = problem(await operator.post(f"{ROOT}/programs", PROGRAM | change), 422, "invalid")
        assert [error["pointer"] for error in body["errors"]] == [pointer]


async def test_a_key_makes_no_other_program(shop: Shop) -> None:
    async with shop.nothing_changes():
        answer = await shop.api.caller(shop.program).post(f"{ROOT}/programs", PROGRAM)
        problem(answer, 403, "forbidden")


async def test_a_connection_needs_a_store_of_its_program(shop: Shop) -> None:
    other = await open_shop(shop.api)
    staff = shop.api.caller(shop.program)
    async with shop.nothing_changes():
        answer = await staff.post(f"{ROOT}/connections", {"store_id": other.store})
        problem(answer, 404, "not-found")


async def test_a_connection_moves_only_where_it_may(shop: Shop) -> None:
    staff, path = shop.api.caller(shop.program), f"{ROOT}/connections/{shop.connection}"
    problem(await staff.post(f"{path}:resume"), 409, "state-conflict")
    assert ok(await staff.post(f"{path}:pause"))["state"] == "paused"
    problem(await staff.post(f"{path}:pause"), 409, "state-conflict")
    assert ok(await staff.post(f"{path}:resume"))["state"] == "active"
    assert ok(await staff.post(f"{path}:close"))["state"] == "closed"
    assert ok(await staff.get(path))["state"] == "closed"


async def test_a_connection_has_at_most_five_secrets_and_shows_none_again(shop: Shop) -> None:
    staff, path = shop.api.caller(shop.program), f"{ROOT}/connections/{shop.connection}/secrets"
    made = [ok(await staff.post(path), 201)["secret"] for _ in range(4)]
    async with shop.nothing_changes():
        problem(await staff.post(path), 409, "state-conflict")
    listed = await staff.get(path)
    assert len(ok(listed)["items"]) == 5
    assert not any(secret in listed.text for secret in [shop.secret, *made])
    kept = await shop.api.site.rows("gateway.secret", shop.program)
    assert not any(secret.encode() in row["sealed"] for row in kept for secret in made)


async def test_a_generic_connection_takes_no_secret_from_outside(shop: Shop) -> None:
    """One that is no key of Standard Webhooks would break every delivery."""
    staff, path = shop.api.caller(shop.program), f"{ROOT}/connections/{shop.connection}/secrets"
    async with shop.nothing_changes():
        problem(await staff.post(path, {"secret": "whsec_not base64"}), 422, "invalid")
    assert ok(await shop.send(a_check_in_sent()), 202)["status"] == "published"


async def test_when_a_secret_was_last_used_is_told(shop: Shop) -> None:
    """So that one sees whether the old one can end."""
    staff, path = shop.api.caller(shop.program), f"{ROOT}/connections/{shop.connection}/secrets"
    (before,) = ok(await staff.get(path))["items"]
    problem(await shop.send(a_check_in_sent() | {"more": 1}), 422, "invalid-event")
    (after,) = ok(await staff.get(path))["items"]
    assert before["last_used_at"] is None
    assert after["last_used_at"] is not None


async def test_deliveries_are_listed_by_status_and_connection(shop: Shop) -> None:
    staff, path = shop.api.caller(shop.program), f"{ROOT}/deliveries"
    ok(await shop.send(a_check_in_sent()), 202)
    problem(await shop.send(a_check_in_sent() | {"more": 1}), 422, "invalid-event")
    async with asyncio.timeout(10):
        while len(found := ok(await staff.get(path))["items"]) < 2:
            await asyncio.sleep(0.02)
    assert {line["status"] for line in found} == {"published", "failed"}
    (failed,) = ok(await staff.get(path, status="failed"))["items"]
    assert failed["reason"] == "unknown-field /more"
    assert ok(await staff.get(f"{path}/{failed['delivery_id']}")) == failed
    assert len(ok(await staff.get(path, connection_id=shop.connection))["items"]) == 2
    problem(await staff.get(path, status="lost"), 422, "invalid")


# API keys.


async def a_key(shop: Shop, **changes: object) -> dict[str, str]:
    """A key that may manage keys and read points."""
    body = {"name": "Till", "permissions": ["keys.manage", "points.read"]} | changes
    staff = shop.api.caller(shop.program)
    made: dict[str, str] = ok(await staff.post(f"{ROOT}/api-keys", body), 201)
    return made


async def test_a_key_is_random_shown_once_and_kept_as_a_hash(shop: Shop) -> None:
    one, two = await a_key(shop), await a_key(shop)
    assert len(one["key"]) == len("sk_") + 8 + 43
    assert one["key"] != two["key"]
    rows = await shop.api.site.rows("gateway.api_key", shop.program)
    hashes = {hashlib.sha256(made["key"].encode()).digest() for made in (one, two)}
    assert {row["hash"] for row in rows} == hashes
    assert not any(one["key"] in str(row) for row in rows)
    listed = await shop.api.bearing(one["key"]).get(f"{ROOT}/api-keys")
    assert len(ok(listed)["items"]) == 2
    assert one["key"] not in listed.text


async def test_a_key_is_refused_past_its_end_and_once_revoked(shop: Shop) -> None:
    made = await a_key(shop, expires_days=1)
    other = await a_key(shop)
    caller, path = shop.api.bearing(made["key"]), f"{ROOT}/api-keys"
    revoked = await shop.api.caller(shop.program).send("DELETE", f"{path}/{made['key_id']}")
    assert revoked.status_code == 204
    problem(await caller.get(path), 401, "unauthenticated")
    ok(await shop.api.bearing(other["key"]).get(path))
    third = await a_key(shop)
    await shop.api.site.execute(
        "update gateway.api_key set expires_at = $2 where key_id = $1",
        uuid_of(third["key_id"]),
        system() - timedelta(seconds=1),
    )
    problem(await shop.api.bearing(third["key"]).get(path), 401, "unauthenticated")


async def test_a_key_with_one_character_changed_opens_nothing(shop: Shop) -> None:
    made = await a_key(shop)
    last = "B" if made["key"][-1] == "A" else "A"
    for text in (made["key"][:-1] + last, made["key"] + "A", made["key"][:-1], "sk_"):
        answer = await shop.api.bearing(text).get(f"{ROOT}/api-keys")
        problem(answer, 401, "unauthenticated")


async def test_a_key_is_taken_from_its_networks_alone(shop: Shop) -> None:
    far = await a_key(shop, cidrs=["203.0.113.0/24"])
    near = await a_key(shop, cidrs=["203.0.113.0/24", "127.0.0.0/8"])
    path = f"{ROOT}/api-keys"
    problem(await shop.api.bearing(far["key"]).get(path), 401, "unauthenticated")
    ok(await shop.api.bearing(near["key"]).get(path))


async def used(caller: Caller) -> Caller:
    """A caller whose key was used before: that is noted once an hour."""
    problem(await caller.get(f"{ROOT}/replays/rpl_x"), 403, "forbidden")
    return caller


async def test_a_key_gives_no_more_than_its_maker_has(shop: Shop) -> None:
    made = await a_key(shop)
    caller = await used(shop.api.bearing(made["key"]))
    async with shop.nothing_changes():
        for permissions in (["points.write"], ["*"], ["points.read", "programs.manage"]):
            body = {"name": "More", "permissions": permissions}
            problem(await caller.post(f"{ROOT}/api-keys", body), 403, "forbidden")
    body = {"name": "Less", "permissions": ["points.read"]}
    ok(await caller.post(f"{ROOT}/api-keys", body), 201)


async def test_a_key_for_some_stores_makes_none_for_all(shop: Shop) -> None:
    """What a key sees is handed on like what it may do."""
    made = await a_key(shop, stores=[shop.store])
    caller = await used(shop.api.bearing(made["key"]))
    async with shop.nothing_changes():
        body = {"name": "All stores", "permissions": ["points.read"]}
        problem(await caller.post(f"{ROOT}/api-keys", body), 403, "forbidden")
    body |= {"stores": [shop.store]}
    ok(await caller.post(f"{ROOT}/api-keys", body), 201)


# The way to the services.


@pytest_asyncio.fixture(loop_scope="session")
async def behind(site: Site) -> AsyncIterator[Api]:
    """A gateway with points behind it, on a socket as in operation."""
    sock = listen("127.0.0.1", 0)
    stopping = asyncio.Event()
    app = build_app(SERVICES["points"], site.config)
    serving = asyncio.create_task(serve(app, sock, stopping))
    port = sock.getsockname()[1]
    urls = {"points": f"http://127.0.0.1:{port}", "members": "http://127.0.0.1:9"}
    found = Site(site.config.model_copy(update={"urls": urls}), site._session)
    try:
        async with found.open("gateway") as api:
            yield api
    finally:
        stopping.set()
        await serving


async def test_a_request_passes_with_a_token_of_its_caller(behind: Api, points: Api) -> None:
    """The key's permissions and program go with it; the service knows no keys."""
    world: World = await a_world(points)
    assert world.program
    shop = await open_shop(behind)
    made = await a_key(shop)
    caller = behind.bearing(made["key"])
    path = f"/v1/members/{world.ids['member_id']}/balance"
    operator = behind.site.minter.mint("gateway")
    through = behind.bearing(operator, **{"shuke-program": world.program})
    direct = ok(await points.caller(world.program).get(path))
    assert ok(await through.get(f"/api/points{path}")) == direct
    problem(await caller.get(f"/api/points{path}"), 404, "not-found")
    weak = await a_key(shop, permissions=["members.read"])
    problem(await behind.bearing(weak["key"]).get(f"/api/points{path}"), 403, "forbidden")
    problem(await points.bearing(made["key"]).get(path), 401, "unauthenticated")


async def test_no_service_and_a_service_that_is_away(behind: Api) -> None:
    caller = behind.caller(None)
    problem(await caller.get("/api/nothing/v1/x"), 404, "not-found")
    answer = await caller.get("/api/members/v1/members")
    problem(answer, 503, "busy")
    assert answer.headers["retry-after"]
