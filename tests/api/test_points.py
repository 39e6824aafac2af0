"""Points over HTTP: balance, ledger, explanations, exceptions."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.harness import Api, Caller, ok, problem
from tests.api.worlds import POINTS, telling
from tests.builders.events import instant
from tests.builders.members import a_link, a_tier_change, member
from tests.builders.storefront import AT, a_check_in, a_refund, an_order, order_id, refund_id
from tests.flow.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")
MEMBER = f"/v1/members/{member()}"


@pytest_asyncio.fixture(loop_scope="session")
async def told(points: Api) -> AsyncIterator[Harness]:
    """A member with an order of 889.60 and a check-in."""
    async with telling(points) as told:
        program = told.program.text_id
        await told.settings("points", POINTS)
        await told.apply(
            an_order(program, amount_minor=88_960),
            a_link(program),
            a_tier_change(program, [(AT, "ordinary")]),
            a_check_in(program, at=instant("2026-03-02 01:00")),
        )
        yield told


def staff_of(points: Api, told: Harness) -> Caller:
    """Somebody who may read points."""
    return points.caller(told.program.text_id, "points.read")


async def test_the_balance_is_told_with_its_worth(points: Api, told: Harness) -> None:
    found = ok(await staff_of(points, told).get(f"{MEMBER}/balance"))
    assert found == {
        "member_id": member(),
        "wallets": [
            {
                "wallet": "points",
                "kind": "points",
                "balance": 894,
                "available": 894,
                "held": 0,
                "pending": 0,
                "debt": 0,
                "next_expiry": None,
                "value": {"amount_minor": 894, "currency": "CNY"},
                "version": 2,
            }
        ],
    }


async def test_the_ledger_is_told_newest_first_and_adds_up(points: Api, told: Harness) -> None:
    staff = staff_of(points, told)
    items = ok(await staff.get(f"{MEMBER}/entries"))["items"]
    assert sorted(item["amount"] for item in items) == [5, 889]
    assert [item["version"] for item in items] == [2, 1]
    assert items[0]["balance"] == sum(item["amount"] for item in items)
    for item in items:
        assert ok(await staff.get(f"/v1/entries/{item['entry_id']}")) == item
    earned = next(item for item in items if item["amount"] == 889)
    assert earned["order_id"] == order_id(told.program.text_id, "A-1")
    assert (earned["kind"], earned["account"]) == ("earn", "issued")


async def test_an_entry_is_explained_by_steps_that_give_its_points(
    points: Api, told: Harness
) -> None:
    """In both languages; the figures are the same."""
    staff = staff_of(points, told)
    items = ok(await staff.get(f"{MEMBER}/entries"))["items"]
    earned = next(item for item in items if item["amount"] == 889)
    path = f"/v1/entries/{earned['entry_id']}/explanation"
    english = ok(await staff.get(path, lang="en"))
    chinese = ok(await staff.get(path))
    assert english["calculation"]["steps"][-1]["points"] == 889
    assert [step["rule"] for step in english["calculation"]["steps"]] == ["base", "tier", "caps"]
    assert english["lot"]["granted"] == 889
    assert english["sentence"] != chinese["sentence"]
    told_alike = {"calculation", "sentence"}
    assert {k: v for k, v in english.items() if k not in told_alike} == {
        k: v for k, v in chinese.items() if k not in told_alike
    }
    problem(await staff.get(path, lang="fr"), 422, "invalid")


async def test_a_refund_beyond_its_order_is_clipped_and_listed(points: Api, told: Harness) -> None:
    program, staff = told.program.text_id, staff_of(points, told)
    at = instant("2026-03-03 01:00")
    await told.apply(a_refund(program, lines=[("1", 1, 99_999)], at=at))
    assert ok(await staff.get(f"{MEMBER}/balance"))["wallets"][0]["balance"] == 5
    assert ok(await staff.get("/v1/exceptions"))["items"] == [
        {
            "refund_id": refund_id(program, "R-1"),
            "refund_no": "R-1",
            "order_id": order_id(program, "A-1"),
            "at": "2026-03-03T01:00:00.000Z",
            "reason": "over-refund",
            "excess_minor": 99_999 - 88_960,
        }
    ]


async def test_a_refund_that_names_no_order_is_listed(points: Api, told: Harness) -> None:
    program, staff = told.program.text_id, staff_of(points, told)
    await told.apply(a_refund(program, order=None, scope="amount", amount_minor=100))
    (found,) = ok(await staff.get("/v1/exceptions"))["items"]
    assert (found["reason"], found["order_id"]) == ("order-unnamed", None)
    assert ok(await staff.get(f"{MEMBER}/balance"))["wallets"][0]["balance"] == 894


async def test_totals_are_of_the_whole_program(points: Api, told: Harness) -> None:
    found = ok(await staff_of(points, told).get("/v1/totals"))
    assert found == {
        "orders": 1,
        "order_total_minor": 88_960,
        "refunds": 0,
        "refund_total_minor": 0,
        "check_ins": 1,
        "points_from_orders": 889,
        "points_balance": 894,
    }


@pytest.mark.parametrize(
    "path",
    [
        "/v1/members/mem_1/balance",
        "/v1/members/cus_2d2ualfm4scgnfo43yvkllbsdu/balance",
        f"/v1/members/{member('nobody')}/balance",
        "/v1/entries/ent_ygcuxopwjobkbjh7ttichjt3kuaqc",
        "/v1/entries/ent_1",
        "/v1/entries/ent_" + "é" * 29,
        "/v1/entries/ent_" + "1" * 29,
        "/v1/entries/%00/explanation",
        "/v1/nothing",
    ],
)
async def test_what_nobody_has_is_not_found(points: Api, told: Harness, path: str) -> None:
    problem(await staff_of(points, told).get(path), 404, "not-found")


async def test_an_order_tells_what_it_gave_and_what_took_it_back(
    points: Api, told: Harness
) -> None:
    """Its entries in the order in which they were posted; an order that nobody told is none."""
    program = told.program.text_id
    back = instant("2026-03-05 01:00")
    await told.apply(a_refund(program, at=back, amount_minor=8_960))
    staff = staff_of(points, told)
    found = ok(await staff.get(f"/v1/orders/{order_id(program, 'A-1')}"))
    assert [(each["kind"], each["amount"]) for each in found["entries"]] == [
        ("earn", 889),
        ("claw-back", -89),
    ]
    assert (found["order_no"], found["member_id"]) == ("A-1", member())
    assert (found["points"], found["lacking"], found["refunded_minor"]) == (800, None, 8_960)
    assert [each["refund_id"] for each in found["refunds"]] == [refund_id(program, "R-1")]
    problem(await staff.get(f"/v1/orders/{order_id(program, 'A-2')}"), 404, "not-found")


async def test_a_guests_order_says_why_it_gave_nothing(points: Api, told: Harness) -> None:
    """It is there, without an entry."""
    program = told.program.text_id
    await told.apply(an_order(program, no="G-1", buyer=None))
    path = f"/v1/orders/{order_id(program, 'G-1')}"
    found = ok(await staff_of(points, told).get(path))
    assert (found["lacking"], found["entries"], found["customer_id"]) == ("guest", [], None)


async def test_balances_of_many_are_told_at_once(points: Api, told: Harness) -> None:
    """The same as one by one; who has no wallet is left out."""
    staff = staff_of(points, told)
    body = {"member_ids": [member(9), member()]}
    found = ok(await staff.post("/v1/balances:of", body))
    (wallet,) = ok(await staff.get(f"{MEMBER}/balance"))["wallets"]
    assert found == {"items": [{"member_id": member(), "balance": wallet["balance"]}]}
