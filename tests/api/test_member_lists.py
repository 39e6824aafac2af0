"""Lists of members: narrowed as a plain filter over all would, sorted, never by a secret."""

from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
import pytest_asyncio

from services.gateway.staff.rules.roles import ROLES
from services.members.profile.rules.masking import GROUPS
from shared.days import Instant, local_day, zone
from shared.db.programs import apply_stores
from shared.db.transaction import transaction
from shared.events.programs.store_changed import StoreChanged
from shared.ids import text_id
from shared.random_ids import random_id
from tests.api.harness import SUBJECT, Api, Caller, ok, problem
from tests.api.worlds import JOIN, LADDER, forgotten, telling
from tests.builders.events import instant
from tests.builders.storefront import STORE, an_order, customer
from tests.flow.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")
LIST = "/v1/members"
SHANGHAI = zone("Asia/Shanghai")
NORTH, SOUTH = STORE, text_id("sto", random_id())
SPENT = (5_000, 120_000, 5_000, 400_000, 120_000, 5_000, 2_000_000, 120_000, 5_000)
"""What each buyer spends at their first order, six hours after the one before."""


@pytest_asyncio.fixture(loop_scope="session")
async def told(members: Api) -> AsyncIterator[Harness]:
    """A program with members of several tiers, days and branches, one of them erased."""
    async with telling(members) as told:
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        program, start = told.program.text_id, instant("2026-03-01 04:00")
        for n, spent in enumerate(SPENT):
            at = start + timedelta(hours=6 * (n // 2))  # two and two at one instant
            buyer = customer(f"listed-{n}")
            await told.apply(an_order(program, no=f"L-{n}", buyer=buyer, at=at, amount_minor=spent))
        south = StoreChanged(
            store_id=SOUTH, kind="branch", name="South", region="CN", status="open", version=1
        )
        async with transaction(told.database) as tx:
            await apply_stores(tx, [(told.program.id, south)])
        staff = members.caller(program)
        *settled, last = [each["member_id"] for each in ok(await staff.get(LIST))["items"]]
        for n, member in enumerate(settled[:6]):
            body = {"store_id": (NORTH, SOUTH)[n % 2], "reason": "lives there"}
            path = f"{LIST}/{member}/home-branch"
            ok(await staff.send("PUT", path, body, key=f"h-{n}"))
        await forgotten(members, told, last)
        yield told


async def everybody(staff: Caller) -> list[dict[str, Any]]:
    """All members as the list tells them, with the tier that each one's own page tells."""
    found = []
    for line in await staff.walk(LIST, 50):
        own = ok(await staff.get(f"{LIST}/{line['member_id']}"))
        found.append(line | {"tier": own["tiers"][0]["current"]["tier"]})
    return found


def day(member: dict[str, Any]) -> date:
    """The program's day on which somebody became a member."""
    return local_day(Instant.parse(member["effective_from"]), SHANGHAI)


def kept(member: dict[str, Any], by: dict[str, str]) -> bool:
    """The filter in plain Python."""
    return (
        by.get("status") in {None, member["status"]}
        and by.get("tier") in {None, member["tier"]}
        and by.get("home_store") in {None, member["home_store"]}
        and date.fromisoformat(by.get("joined_from", "2000-01-01")) <= day(member)
        and day(member) <= date.fromisoformat(by.get("joined_to", "2999-01-01"))
    )


def filters() -> Iterator[dict[str, str]]:
    """Every choice of a status, a tier, a branch and days."""
    days: tuple[dict[str, str], ...] = (
        {},
        {"joined_from": "2026-03-02"},
        {"joined_from": "2026-03-01", "joined_to": "2026-03-01"},
    )
    for status, tier, store, of in product(
        (None, "active", "erased"), (None, "ordinary", "silver"), (None, NORTH, SOUTH), days
    ):
        chosen = {"status": status, "tier": tier, "home_store": store}
        yield {name: value for name, value in chosen.items() if value} | of


async def test_a_filter_of_four_kinds_is_the_plain_one_over_all_rows(
    members: Api, told: Harness
) -> None:
    staff = members.caller(told.program.text_id)
    all_of_them = await everybody(staff)
    sizes = set()
    for by in filters():
        expected = [each["member_id"] for each in all_of_them if kept(each, by)]
        assert [each["member_id"] for each in await staff.walk(LIST, 2, **by)] == expected, by
        sizes.add(len(expected))
    assert len(sizes) > 4  # the filters do tell members apart


@pytest.mark.parametrize("page_size", [1, 2, 3, 8, 9, 10])
async def test_the_latest_come_first_or_last_and_each_once(
    members: Api, told: Harness, page_size: int
) -> None:
    staff = members.caller(told.program.text_id)
    all_of_them = await everybody(staff)
    joined = {each["member_id"]: each["effective_from"] for each in all_of_them}
    listed = {
        sort: [each["member_id"] for each in await staff.walk(LIST, page_size, sort=sort)]
        for sort in ("joined", "-joined")
    }
    assert listed["joined"] == listed["-joined"][::-1]
    assert [joined[each] for each in listed["joined"]] == sorted(joined.values())
    assert sorted(listed["joined"]) == sorted(joined)
    assert len(joined) == len(SPENT)


def looking(members: Api, told: Harness, **levels: Any) -> Caller:
    """Somebody who may read members, with levels of personal fields."""
    program = told.program.text_id
    token = members.site.minter.mint(
        "members", SUBJECT, program, ["members.read"], fields=levels.items()
    )
    return members.bearing(token)


async def test_a_marketer_who_sorts_by_birthday_is_refused(members: Api, told: Harness) -> None:
    """So is whoever sees a field only in part: its order would tell the rest."""
    of = ROLES["marketer"]
    marketer = looking(members, told, contact=of.contact, private=of.private)
    for sort in ("birthday", "-birthday", "phone"):
        problem(await marketer.get(LIST, sort=sort), 403, "forbidden")
    for role in ROLES.values():
        staff = looking(members, told, contact=role.contact, private=role.private)
        for field in GROUPS:
            problem(await staff.get(LIST, sort=field), 403, "forbidden")
    ok(await marketer.get(LIST, sort="-joined"))


async def test_what_is_sealed_is_sorted_by_for_nobody(members: Api, told: Harness) -> None:
    staff = looking(members, told, contact="clear", private="clear")
    for field in GROUPS:
        (error,) = problem(await staff.get(LIST, sort=f"-{field}"), 422, "invalid")["errors"]
        assert (error["pointer"], error["code"]) == ("/sort", "sealed")


@pytest.mark.parametrize(
    ("by", "pointer"),
    [
        ({"sort": "spend"}, "/sort"),
        ({"sort": "-member"}, "/sort"),
        ({"sort": "joined;"}, "/sort"),
        ({"status": "gone"}, "/status"),
        ({"tier": "Gold!"}, "/tier"),
        ({"home_store": "sto_1"}, "/home_store"),
        ({"joined_from": "yesterday"}, "/joined_from"),
        ({"joined_to": "1999-12-31"}, "/joined_to"),
    ],
)
async def test_what_a_list_does_not_know_is_told_by_parameter(
    members: Api, told: Harness, by: dict[str, str], pointer: str
) -> None:
    staff = members.caller(told.program.text_id)
    (error,) = problem(await staff.get(LIST, **by), 422, "invalid")["errors"]
    assert error["pointer"] == pointer


async def test_without_a_ladder_nobody_is_of_a_tier(members: Api) -> None:
    async with telling(members) as told:
        await told.settings("join", JOIN)
        await told.apply(an_order(told.program.text_id))
    staff = members.caller(told.program.text_id)
    assert len(ok(await staff.get(LIST))["items"]) == 1
    assert ok(await staff.get(LIST, tier="ordinary"))["items"] == []
