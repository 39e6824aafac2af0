"""Analytics over HTTP: the home page, subjects, RFM, totals, and what a branch may see."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.ids import derive, text_id
from tests.api.harness import Api, Caller, ok, problem
from tests.api.worlds import telling
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, member
from tests.builders.storefront import STORE, a_refund, an_order, customer
from tests.flow.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")
MARCH = {"from": "2026-03-01", "to": "2026-03-05"}
OTHER_STORE = text_id("sto", derive("test-store", "other"))


@pytest_asyncio.fixture(loop_scope="session")
async def told(analytics: Api) -> AsyncIterator[Harness]:
    """A member with two orders, one of them refunded in part."""
    async with telling(analytics) as told:
        program = told.program.text_id
        await told.apply(a_joining(program), a_link(program))
        await told.apply(
            an_order(program, no="A-1", amount_minor=90_000, at=instant("2026-03-01 02:00")),
            an_order(program, no="A-2", amount_minor=15_000, at=instant("2026-03-03 02:00")),
        )
        await told.apply(
            a_refund(program, lines=[("1", 1, 30_000)], at=instant("2026-03-05 02:00"))
        )
        yield told


def reader_of(analytics: Api, told: Harness, *stores: str) -> Caller:
    """Somebody who may read figures, of some stores or all."""
    program = told.program.text_id
    return analytics.caller(program, "analytics.read", stores=stores or ("*",))


async def test_the_home_page_counts_what_happened(analytics: Api, told: Harness) -> None:
    found = ok(await reader_of(analytics, told).get("/v1/home", **MARCH))
    assert (found["from"], found["to"], found["store"]) == ("2026-03-01", "2026-03-05", None)
    assert found["kpis"]["members"] == {"value": 1, "new": 1, "left": 0}
    sales = found["kpis"]["sales"]
    assert (sales["orders"], sales["buyers"]) == (2, 1)
    assert sales["gross"] == {"amount_minor": 105_000, "currency": "CNY"}
    assert sales["refunds"] == {"amount_minor": 30_000, "currency": "CNY"}
    assert sales["net"] == {"amount_minor": 75_000, "currency": "CNY"}
    assert sales["average_order"] == {"amount_minor": 52_500, "currency": "CNY"}


async def test_a_subject_is_a_member_or_a_customer(analytics: Api, told: Harness) -> None:
    await told.apply(an_order(told.program.text_id, no="B-1", buyer=customer(2)))
    reader = reader_of(analytics, told)
    mine = ok(await reader.get(f"/v1/subjects/{member()}"))
    assert (mine["kind"], mine["customers"]) == ("member", [customer()])
    assert mine["bought"]["orders"] == 2
    theirs = ok(await reader.get(f"/v1/subjects/{customer(2)}"))
    assert (theirs["kind"], theirs["bought"]["orders"]) == ("customer", 1)
    problem(await reader.get(f"/v1/subjects/{member('nobody')}"), 404, "not-found")


async def test_few_subjects_are_not_scored(analytics: Api, told: Harness) -> None:
    found = ok(await reader_of(analytics, told).get("/v1/rfm", on="2026-03-06"))
    assert (found["state"], found["subjects"], found["minimum"]) == ("too-few-subjects", 1, 25)
    (item,) = found["items"]
    assert (item["subject_id"], item["recency_days"], item["orders"]) == (member(), 2, 2)
    assert item["net"] == {"amount_minor": 75_000, "currency": "CNY"}


async def test_totals_agree_with_what_was_told(analytics: Api, told: Harness) -> None:
    found = ok(await reader_of(analytics, told).get("/v1/totals"))
    assert found["orders"] == 2
    assert found["order_total_minor"] == 105_000
    assert (found["refunds"], found["refund_total_minor"]) == (1, 30_000)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("/v1/home", {"from": "2026-03-05", "to": "2026-03-01"}, "bad-range"),
        ("/v1/home", {"from": "2020-01-01", "to": "2026-03-01"}, "too-wide"),
        ("/v1/home", {"from": "1999-12-31", "to": "2026-03-01"}, "invalid"),
        ("/v1/home", {"from": "2026-03-01"}, "invalid"),
        ("/v1/home", {"from": "2026-02-30", "to": "2026-03-01"}, "invalid"),
        ("/v1/home", {**MARCH, "stores": "all"}, "invalid"),
        ("/v1/rfm", {"on": "3000-01-01"}, "invalid"),
        ("/v1/rfm", {}, "invalid"),
    ],
)
async def test_a_range_that_cannot_be_is_refused(
    analytics: Api, told: Harness, path: str, params: dict[str, str], code: str
) -> None:
    problem(await reader_of(analytics, told).get(path, **params), 422, code)


async def test_a_branch_sees_its_store_alone(analytics: Api, told: Harness) -> None:
    """Another branch's figures are empty, its store is not found, totals are for all stores."""
    mine, other = (reader_of(analytics, told, store) for store in (STORE, OTHER_STORE))
    seen = ok(await mine.get("/v1/home", **MARCH))["kpis"]
    assert (seen["sales"]["orders"], seen["points"]) == (2, None)
    assert ok(await mine.get("/v1/home", **MARCH, store=STORE))["store"] == STORE
    unseen = ok(await other.get("/v1/home", **MARCH))["kpis"]
    assert (unseen["sales"]["orders"], unseen["members"]["value"]) == (0, 0)
    for store in (STORE, "sto_1", OTHER_STORE):
        problem(await other.get("/v1/home", **MARCH, store=store), 404, "not-found")
    problem(await other.get(f"/v1/subjects/{member()}"), 404, "not-found")
    assert ok(await other.get("/v1/rfm", on="2026-03-06"))["items"] == []
    for reader in (mine, other):
        problem(await reader.get("/v1/totals"), 403, "forbidden")


async def test_a_series_has_every_day_of_its_range(analytics: Api, told: Harness) -> None:
    """Days without anything are 0; the sum is that of the home page."""
    reader = reader_of(analytics, told)
    net = ok(await reader.get("/v1/series", metric="net", **MARCH))
    assert [(each["day"][-2:], each["value"]) for each in net["days"]] == [
        ("01", 60_000), ("02", 0), ("03", 15_000), ("04", 0), ("05", 0),
    ]  # fmt: skip
    home = ok(await reader.get("/v1/home", **MARCH))
    assert net["total"] == home["kpis"]["sales"]["net"]["amount_minor"]
    assert net["as_of"] == home["as_of"]
    orders = ok(await reader.get("/v1/series", metric="orders", **MARCH))
    assert orders["total"] == home["kpis"]["sales"]["orders"]
    joined = ok(await reader.get("/v1/series", metric="joined", **MARCH))
    assert joined["total"] == home["kpis"]["members"]["new"]


async def test_a_series_is_cut_to_a_branch_and_to_400_days(analytics: Api, told: Harness) -> None:
    """A store elsewhere sees nothing of it; what is too long is refused."""
    elsewhere = reader_of(analytics, told, OTHER_STORE)
    assert ok(await elsewhere.get("/v1/series", metric="net", **MARCH))["total"] == 0
    reader = reader_of(analytics, told)
    long = {"from": "2025-01-01", "to": "2026-02-04"}
    assert len(ok(await reader.get("/v1/series", metric="orders", **long))["days"]) == 400
    longer = long | {"to": "2026-02-05"}
    problem(await reader.get("/v1/series", metric="orders", **longer), 422, "too-wide")


async def test_many_members_are_told_at_once(analytics: Api, told: Harness) -> None:
    """The same figures as one by one; who is not known is left out; a branch sees its own."""
    body = {"member_ids": [member(), member(9)]}
    reader = reader_of(analytics, told)
    (line,) = ok(await reader.post("/v1/subjects:of", body))["items"]
    alone = ok(await reader.get(f"/v1/subjects/{member()}"))
    assert (line["member_id"], line["tier"]) == (member(), alone["tier"])
    for name in ("orders", "net", "last_at"):
        assert line[name] == alone["bought"][name]
    elsewhere = reader_of(analytics, told, OTHER_STORE)
    assert ok(await elsewhere.post("/v1/subjects:of", body)) == {"items": []}
    many = {"member_ids": [member(number) for number in range(201)]}
    problem(await reader.post("/v1/subjects:of", many), 422, "invalid")
