"""Pages of every list: each item once, also while the list grows; a bad page is told so."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from shared.db.parking import park
from shared.db.transaction import transaction
from tests.api.harness import Api, Caller, Shop, ok, open_shop, problem
from tests.api.staffing import invited
from tests.api.worlds import JOIN, LADDER, POINTS, set_aside, telling
from tests.builders.deliveries import a_check_in_sent
from tests.builders.members import a_link, a_tier_change, member
from tests.builders.promises import a_template, an_order_campaign, seeded
from tests.builders.storefront import AT, a_refund, an_order, customer
from tests.flow.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")
ITEMS = 7


class List(Struct, frozen=True):
    """A list with seven items, and how to add some."""

    caller: Caller
    path: str
    item_id: str
    add: Callable[[int], Awaitable[None]]
    params: Mapping[str, str] = {}


async def filled(found: List) -> List:
    """The list with its items."""
    await found.add(0)
    return found


async def members_by_joining(api: Api) -> List:
    return replace(await members_list(api), params={"sort": "-joined"})


async def members_list(api: Api) -> List:
    async with telling(api) as told:
        program = told.program.text_id
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)

    async def add(start: int) -> None:
        async with telling(api, program) as told:
            await told.apply(*orders_of_all(told, start))

    return await filled(List(api.caller(program), "/v1/members", "member_id", add))


def orders_of_all(told: Harness, start: int) -> list[Any]:
    """An order by each of seven buyers."""
    return [
        an_order(told.program.text_id, no=f"A-{n}", buyer=customer(n))
        for n in range(start, start + ITEMS)
    ]


def orders_of_one(told: Harness, start: int) -> list[Any]:
    """Seven orders by one buyer."""
    program = told.program.text_id
    return [
        an_order(program, no=f"A-{n}", at=AT + timedelta(hours=n))
        for n in range(start, start + ITEMS)
    ]


async def ledger(api: Api, name: str, item_id: str) -> List:
    async with telling(api) as told:
        program = told.program.text_id
        await told.settings("points", POINTS)
        await told.apply(a_link(program), a_tier_change(program, [(AT, "ordinary")]))

    async def add(start: int) -> None:
        async with telling(api, program) as told:
            await told.apply(*orders_of_one(told, start))

    return await filled(List(api.caller(program), f"/v1/members/{member()}/{name}", item_id, add))


async def entries_list(api: Api) -> List:
    return await ledger(api, "entries", "entry_id")


async def lots_list(api: Api) -> List:
    return await ledger(api, "lots", "lot_id")


async def exceptions_list(api: Api) -> List:
    async with telling(api) as told:
        program = told.program.text_id

    async def add(start: int) -> None:
        async with telling(api, program) as told:
            await told.apply(
                *(
                    a_refund(program, no=f"R-{n}", order=None, scope="amount", amount_minor=100)
                    for n in range(start, start + ITEMS)
                )
            )

    return await filled(List(api.caller(program), "/v1/exceptions", "refund_id", add))


async def campaigns_list(api: Api) -> List:
    async with telling(api) as told:
        program = told.program.text_id
    caller = api.caller(program)
    body = {
        "starts_at": "2027-03-01T00:00:00Z",
        "ends_at": "2028-03-01T00:00:00Z",
        "campaign": an_order_campaign(),
    }

    async def add(start: int) -> None:
        for n in range(start, start + ITEMS):
            ok(await caller.post("/v1/campaigns", body, key=f"k{n}"), 201)

    return await filled(List(caller, "/v1/campaigns", "campaign_id", add))


async def templates_list(api: Api) -> List:
    async with telling(api) as told:
        program = told.program.text_id

    async def add(start: int) -> None:
        async with telling(api, program) as told:
            for n in range(start, start + ITEMS):
                await seeded(told, an_order_campaign(name=f"C {n}"))

    return await filled(List(api.caller(program), "/v1/coupon-templates", "template_id", add))


async def coupons_list(api: Api) -> List:
    async with telling(api) as told:
        program = told.program.text_id
        await seeded(told, an_order_campaign(a_template(), threshold_minor=0))
        await told.apply(a_link(program))

    async def add(start: int) -> None:
        async with telling(api, program) as told:
            await told.apply(*orders_of_one(told, start))

    path = f"/v1/members/{member()}/coupons"
    return await filled(List(api.caller(program), path, "coupon_id", add))


async def deliveries_list(api: Api) -> List:
    shop: Shop = await open_shop(api)

    async def add(start: int) -> None:
        for n in range(start, start + ITEMS):
            problem(await shop.send(a_check_in_sent() | {"n": n}), 422, "invalid-event")

    path = "/api/gateway/v1/deliveries"
    return await filled(List(api.caller(shop.program), path, "delivery_id", add))


async def replays_list(api: Api) -> List:
    staff, path = api.caller((await open_shop(api)).program), "/api/gateway/v1/replays"

    async def add(start: int) -> None:
        for _ in range(start, start + ITEMS):
            ok(await staff.post(path, {}), 202)

    return await filled(List(staff, path, "replay_id", add))


async def exports_list(api: Api) -> List:
    staff, root = api.caller((await open_shop(api)).program), "/api/gateway/v1"

    async def add(start: int) -> None:
        for _ in range(start, start + ITEMS):
            path = f"{root}/members/{member()}/access-exports"
            ok(await staff.post(path, {"reason": "asked"}), 202)

    return await filled(List(staff, f"{root}/access-exports", "export_id", add))


async def trainings_list(api: Api) -> List:
    shop = await open_shop(api)
    staff, path = api.caller(shop.program), "/api/gateway/v1/trainings"
    who = (await invited(api, "service", program=shop.program))["staff_id"]

    async def add(start: int) -> None:
        for n in range(start, start + ITEMS):  # those due first come first
            body = {"staff_id": who, "topic": f"Topic {n}", "due_on": f"2027-01-{1 + n // 2:02}"}
            ok(await staff.post(path, body), 201)

    return await filled(List(staff, path, "training_id", add))


async def messages_list(api: Api) -> List:
    staff = api.caller((await open_shop(api)).program)
    root = "/api/gateway/v1"
    made = ok(await staff.post(f"{root}/endpoints", {"url": "https://hooks.example/"}), 201)

    async def add(start: int) -> None:
        for _ in range(start, start + ITEMS):
            ok(await staff.post(f"{root}/endpoints/{made['endpoint_id']}:test"), 202)

    of = {"endpoint_id": made["endpoint_id"], "state": "pending"}
    return await filled(List(staff, f"{root}/messages", "message_id", add, of))


async def rfm_list(api: Api) -> List:
    async with telling(api) as told:
        program = told.program.text_id

    async def add(start: int) -> None:
        async with telling(api, program) as told:
            await told.apply(*orders_of_all(told, start))

    on = {"on": "2026-03-06"}
    return await filled(List(api.caller(program), "/v1/rfm", "subject_id", add, on))


async def letters_list(api: Api) -> List:
    async with telling(api) as told:
        program = told.program.text_id

    async def add(start: int) -> None:
        await set_aside(api, program, *range(start, start + ITEMS))

    return await filled(List(api.caller(program), "/v1/dead-letters", "quarantine_id", add))


async def parked_list(api: Api) -> List:
    async with telling(api) as told:
        program, number = told.program.text_id, told.program.id

    async def add(start: int) -> None:
        topics = [(number, f"topic-{chr(ord('a') + n)}") for n in range(start, start + ITEMS)]
        async with transaction(api.app.state.database) as tx:
            await park(tx, topics)

    return await filled(List(api.caller(program), "/v1/parked-programs", "topic", add))


LISTS: Mapping[str, tuple[str, Callable[[Api], Awaitable[List]]]] = {
    "members": ("members", members_list),
    "members by joining": ("members", members_by_joining),
    "entries": ("points", entries_list),
    "lots": ("points", lots_list),
    "exceptions": ("points", exceptions_list),
    "campaigns": ("campaigns", campaigns_list),
    "templates": ("campaigns", templates_list),
    "coupons": ("campaigns", coupons_list),
    "deliveries": ("gateway", deliveries_list),
    "messages": ("gateway", messages_list),
    "replays": ("gateway", replays_list),
    "exports": ("gateway", exports_list),
    "trainings": ("gateway", trainings_list),
    "rfm": ("analytics", rfm_list),
    "dead-letters": ("members", letters_list),
    "parked-programs": ("members", parked_list),
}


@pytest.fixture(params=LISTS)
def api(request: pytest.FixtureRequest) -> Api:
    """The service of each list in turn."""
    found: Api = request.getfixturevalue(LISTS[request.param][0])
    return found


@pytest.fixture
def make(request: pytest.FixtureRequest, api: Api) -> Callable[[], Awaitable[List]]:
    """Makes the list."""
    maker = LISTS[request.node.callspec.params["api"]][1]
    return lambda: maker(api)


async def ids_of(found: List, page_size: int) -> list[str]:
    """Ids of all items, page by page."""
    items = await found.caller.walk(found.path, page_size, **found.params)
    return [item[found.item_id] for item in items]


async def test_pages_of_any_size_give_each_item_once(
    make: Callable[[], Awaitable[List]],
) -> None:
    """In the same order; also where the last page is just full."""
    found = await make()
    whole = await ids_of(found, 200)
    assert len(set(whole)) == len(whole) == ITEMS
    for page_size in (1, 2, 3, ITEMS - 1, ITEMS, ITEMS + 1):
        assert await ids_of(found, page_size) == whole


async def test_a_list_that_grows_between_pages_gives_what_was_there_once(
    make: Callable[[], Awaitable[List]],
) -> None:
    found = await make()
    before = await ids_of(found, 200)
    seen: list[str] = []
    token: dict[str, str] = {}
    grown = False
    while True:
        answer = ok(await found.caller.get(found.path, page_size=2, **token, **found.params))
        seen += [item[found.item_id] for item in answer["items"]]
        if not answer.get("next_page_token"):
            break
        token = {"page_token": answer["next_page_token"]}
        if not grown:
            await found.add(ITEMS)
            grown = True
    assert len(set(seen)) == len(seen)
    assert [each for each in seen if each in set(before)] == before
    assert len(await ids_of(found, 200)) == 2 * ITEMS


def encoded(text: str) -> str:
    """A page token of any content."""
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


NO_TOKENS = (
    *("nonsense", "%%%", "é", "x" * 401),
    *map(encoded, ("{}", "[]", "[null]", '["a", "b"]', "[1.5]", "[true]")),
)


async def test_a_page_that_cannot_be_is_told_by_parameter(
    make: Callable[[], Awaitable[List]],
) -> None:
    found = await make()
    for page_size, code in (("0", "minimum"), ("-1", "minimum"), ("201", "maximum"), ("x", None)):
        answer = await found.caller.get(found.path, page_size=page_size, **found.params)
        (error,) = problem(answer, 422, "invalid")["errors"]
        assert error["pointer"] == "/page_size"
        assert code in {error["code"], None}
    for token in NO_TOKENS:
        answer = await found.caller.get(found.path, page_token=token, **found.params)
        (error,) = problem(answer, 422, "invalid")["errors"]
        assert error["pointer"] == "/page_token"
    answer = await found.caller.get(found.path, page=2, **found.params)
    (error,) = problem(answer, 422, "invalid")["errors"]
    assert (error["pointer"], error["code"]) == ("/page", "unknown-field")


async def test_a_page_token_of_another_list_gives_no_page(
    make: Callable[[], Awaitable[List]],
) -> None:
    found = await make()
    for key in ('["prg_agojyzjeabykvaaaaaaaaaaaae"]', '["x"]', "[-1]", "[9223372036854775808]"):
        answer = await found.caller.get(found.path, page_token=encoded(key), **found.params)
        assert answer.status_code in {200, 404, 422}, answer.text
        if answer.status_code == 200:
            assert ok(answer)["items"] == []
