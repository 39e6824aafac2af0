"""What is refused of any request, before a route looks at it."""

import pytest

from tests.api.harness import Api, Shop, ok, problem

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = "/api/gateway/v1"


async def test_a_text_with_nul_is_refused_by_name_and_never_busy(shop: Shop) -> None:
    """PostgreSQL keeps none; it used to be answered as if the database were away."""
    staff, key = shop.api.caller(shop.program), {"name": "Till", "permissions": ["points.read"]}
    links = [{"name": "a", "url": "https://a.example"}, {"name": "\0", "url": "https://a.example"}]
    store = {"kind": "generic", "name": "Shop", "links": links}
    async with shop.nothing_changes():
        for path, body, pointer in (
            ("api-keys", key | {"name": "a\0b"}, "/name"),
            ("stores", store, "/links/1/name"),
            ("stores", store | {"links": [], "\0": 1}, "/\0"),
        ):
            told = problem(await staff.post(f"{ROOT}/{path}", body), 422, "invalid")
            assert [(each["pointer"], each["code"]) for each in told["errors"]] == [
                (pointer, "nul")
            ]
        told = problem(await staff.get(f"{ROOT}/deliveries", page_token="\0"), 422, "invalid")
        assert told["errors"][0]["pointer"] == "/page_token"
        problem(await staff.get(f"{ROOT}/deliveries/%00"), 404, "not-found")


async def test_what_only_looks_like_nul_is_taken(shop: Shop) -> None:
    """A backslash and the letters after it are a text like any other."""
    body = {"name": r"C:\u0000", "permissions": ["points.read"]}
    made = ok(await shop.api.caller(shop.program).post(f"{ROOT}/api-keys", body), 201)
    assert made["name"] == r"C:\u0000"


async def test_a_method_that_a_path_does_not_take_is_told_those_that_it_does(
    gateway: Api, shop: Shop
) -> None:
    """Of all routes at the path; nothing of the gateway's own is passed on to another service."""
    caller = gateway.caller(shop.program)
    for method, path, allowed in (
        ("PUT", f"{ROOT}/programs", "GET, POST"),
        ("DELETE", f"{ROOT}/stores/{shop.store}", "GET, PATCH"),
        ("OPTIONS", f"{ROOT}/programs/{shop.program}", "GET, PATCH"),
        ("PATCH", "/livez", "GET"),
    ):
        answer = await caller.send(method, path)
        problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == allowed
    problem(await caller.get(f"{ROOT}/nothing"), 404, "not-found")
