"""Profiles over HTTP: masked by the caller's levels, shown whole for a reason, gone when erased."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.events.storefront.parts import Identity
from shared.http.tokens import EVERYTHING
from shared.ids import derive, text_id
from tests.api.harness import SUBJECT, Api, Caller, ok, problem
from tests.api.worlds import JOIN, LADDER, forgotten, telling
from tests.builders.contacts import Profiles, boxed
from tests.builders.events import instant
from tests.builders.storefront import an_order, an_update, customer
from tests.flow.harness import Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOON = instant("2026-03-01 04:00")
TOLD: dict[str, Any] = {
    "name": "张三丰",
    "phone": "+8613800135678",
    "email": "anna@x.com",
    "birthday": "1990-05-12",
    "city": "杭州",
}
MASKED = {
    "name": "张**",
    "phone": "138****5678",
    "email": "a***@x.com",
    "birthday": "1990-**-**",
    "city": "杭州",
}


@pytest_asyncio.fixture(loop_scope="session")
async def told(members: Api) -> AsyncIterator[Harness]:
    """A program with a member of whom the shop told everything."""
    async with telling(members) as told:
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        keys, program = members.site.keys, told.program.text_id
        await told.apply(boxed(an_order(program, at=NOON), keys, **TOLD))
        await Profiles(told, keys).open_boxes()
        yield told


def caller(members: Api, told: Harness, *permissions: str, **levels: Any) -> Caller:
    """Somebody with permissions and levels of fields."""
    token = members.site.minter.mint(
        "members",
        SUBJECT,
        told.program.text_id,
        permissions or (EVERYTHING,),
        fields=levels.items(),
    )
    return members.bearing(token)


async def member_of(members: Api, told: Harness) -> str:
    """The only member there is."""
    (line,) = ok(await caller(members, told).get("/v1/members"))["items"]
    identity: str = line["member_id"]
    return identity


async def test_what_is_personal_is_masked_wherever_it_is_shown(members: Api, told: Harness) -> None:
    staff, member = caller(members, told), await member_of(members, told)
    (line,) = ok(await staff.get("/v1/members"))["items"]
    found = ok(await staff.get(f"/v1/members/{member}"))
    known = ok(await staff.get(f"/v1/customers/{customer()}"))
    shown = [line["profile"], found["profile"], known["profile"], known["member"]["profile"]]
    assert shown == [MASKED] * 4


@pytest.mark.parametrize(
    ("levels", "shown"),
    [
        ({}, MASKED),
        ({"contact": "masked", "private": "masked"}, MASKED),
        ({"contact": "reveal", "private": "reveal"}, MASKED),
        ({"contact": "clear", "private": "clear"}, TOLD | {"phone": "+8613800135678"}),
        ({"contact": "hidden", "private": "hidden"}, {}),
        (
            {"contact": "masked", "private": "hidden"},
            {k: MASKED[k] for k in ("name", "phone", "email")},
        ),
        (
            {"contact": "hidden", "private": "clear"},
            {k: TOLD[k] for k in ("birthday", "city")},
        ),
    ],
)
async def test_a_caller_sees_what_the_levels_say(
    members: Api, told: Harness, levels: dict[str, str], shown: dict[str, str]
) -> None:
    member = await member_of(members, told)
    staff = caller(members, told, "members.read", **levels)
    assert ok(await staff.get(f"/v1/members/{member}"))["profile"] == shown


async def test_a_counter_sees_a_masked_name_and_nothing_else_of_a_person(
    members: Api, told: Harness
) -> None:
    hashed = "v1." + "c" * 43
    known = [Identity(kind="phone", hash=hashed)]
    await told.apply(an_order(told.program.text_id, no="C-1", at=NOON, identities=known))
    body = {"kind": "phone", "hash": hashed}
    for level, name in (("masked", MASKED["name"]), ("hidden", None)):
        till = caller(members, told, "counter.lookup", contact=level)
        (card,) = ok(await till.post("/v1/counter/lookups", body))["items"]
        assert card.keys() == {"member_id", "status", "name", "tiers"}
        assert card["name"] == name


async def test_a_member_of_two_customers_is_shown_as_known_by_both(
    members: Api, told: Harness
) -> None:
    program, keys = told.program.text_id, members.site.keys
    member, staff = await member_of(members, told), caller(members, told)
    other = an_update(program, buyer=customer(2), at=NOON + timedelta(days=1))
    await told.apply(boxed(other, keys, name="李四", province="浙江"))
    await Profiles(told, keys).open_boxes()
    path = f"/v1/customers/{customer(2)}/link"
    ok(await staff.send("PUT", path, {"member_id": member, "reason": "same"}, key="k-1"))
    found = ok(await staff.get(f"/v1/members/{member}"))["profile"]
    assert found == MASKED | {"name": "李*", "province": "浙江"}


async def reveals(members: Api, told: Harness) -> list[dict[str, Any]]:
    """What is on record of this program's reveals."""
    return await members.site.query(
        "select * from members.audit_entry where program = $1 and action = 'members.reveal' "
        "order by entry_id",
        told.program.text_id,
    )


async def test_a_reveal_answers_what_was_asked_for_and_is_on_record(
    members: Api, told: Harness
) -> None:
    member = await member_of(members, told)
    staff = caller(members, told, "members.reveal")
    body = {"fields": ["phone", "province"], "reason": "a lost parcel"}
    answer = ok(await staff.post(f"/v1/members/{member}/reveals", body))
    assert answer == {"member_id": member, "profile": {"phone": "+8613800135678"}}
    (entry,) = await reveals(members, told)
    assert (entry["target"], entry["fields"], entry["reason"]) == (
        member,
        ["phone", "province"],
        "a lost parcel",
    )
    assert entry["actor_id"] == SUBJECT
    assert "13800135678" not in str(entry)


@pytest.mark.parametrize(
    "body",
    [
        {"fields": ["phone"]},
        {"fields": ["phone"], "reason": ""},
        {"fields": ["phone"], "reason": "   "},
        {"fields": [], "reason": "r"},
        {"fields": ["iban"], "reason": "r"},
        {"reason": "r"},
    ],
)
async def test_without_a_reason_or_a_field_nothing_is_revealed(
    members: Api, told: Harness, body: dict[str, Any]
) -> None:
    member, staff = await member_of(members, told), caller(members, told)
    async with members.nothing_changes(told.program.text_id):
        problem(await staff.post(f"/v1/members/{member}/reveals", body), 422, "invalid")
    assert await reveals(members, told) == []


@pytest.mark.parametrize(
    ("permissions", "levels"),
    [
        (("members.read",), {}),
        (("members.reveal",), {"contact": "masked"}),
        (("members.reveal",), {"contact": "hidden"}),
    ],
)
async def test_who_may_not_reveal_sees_nothing(
    members: Api, told: Harness, permissions: tuple[str, ...], levels: dict[str, str]
) -> None:
    member = await member_of(members, told)
    staff = caller(members, told, *permissions, **levels)
    body = {"fields": ["phone"], "reason": "curious"}
    async with members.nothing_changes(told.program.text_id):
        answer = await staff.post(f"/v1/members/{member}/reveals", body)
        assert "13800135678" not in answer.text
        problem(answer, 403, "forbidden")
    assert await reveals(members, told) == []


async def test_of_nobody_nothing_is_revealed(members: Api, told: Harness) -> None:
    nobody = text_id("mem", derive("nobody"))
    body = {"fields": ["phone"], "reason": "r"}
    answer = await caller(members, told).post(f"/v1/members/{nobody}/reveals", body)
    problem(answer, 404, "not-found")
    assert await reveals(members, told) == []


async def test_the_hundred_and_first_reveal_of_an_hour_is_refused(
    members: Api, told: Harness
) -> None:
    """An hour after the first there is room again; another caller has room of his own."""
    member = await member_of(members, told)
    path, body = f"/v1/members/{member}/reveals", {"fields": ["phone"], "reason": "r"}
    subject, other = (text_id("stf", derive(told.program.text_id, n)) for n in ("1", "2"))
    tokens = {
        who: members.site.minter.mint("members", who, told.program.text_id)
        for who in (subject, other)
    }
    now = members.app.state.clock()
    for number in range(100):
        with members.at(now + timedelta(seconds=number)):
            ok(await members.bearing(tokens[subject]).post(path, body))
    with members.at(now + timedelta(minutes=30)):
        answer = await members.bearing(tokens[subject]).post(path, body)
        assert "13800135678" not in answer.text
        problem(answer, 429, "slow-down")
        assert len(await reveals(members, told)) == 100
        ok(await members.bearing(tokens[other]).post(path, body))
    with members.at(now + timedelta(hours=1, seconds=1)):
        ok(await members.bearing(tokens[subject]).post(path, body))


ERASE = {"requested_by": "member", "reason": "asked by e-mail"}


async def test_an_erasure_is_asked_for_seen_and_taken_back(members: Api, told: Harness) -> None:
    staff, member = caller(members, told), await member_of(members, told)
    path = f"/v1/members/{member}/erasures"
    made = ok(await staff.post(path, ERASE, key="k-1"), 201)
    assert (made["state"], made["member_id"]) == ("open", member)
    assert ok(await staff.get(path))["items"] == [made]
    one = f"{path}/{made['erasure_id']}"
    assert ok(await staff.get(one)) == made
    problem(await staff.post(path, ERASE, key="k-2"), 409, "state-conflict")
    ended = ok(await staff.send("DELETE", one, key="k-3"))
    assert ended == made | {"state": "cancelled"}
    problem(await staff.send("DELETE", one, key="k-4"), 409, "state-conflict")
    again = ok(await staff.post(path, ERASE, key="k-5"), 201)
    assert [each["state"] for each in ok(await staff.get(path))["items"]] == ["open", "cancelled"]
    with members.at(members.app.state.clock() + timedelta(hours=72)):
        late = f"{path}/{again['erasure_id']}"
        problem(await staff.send("DELETE", late, key="k-6"), 409, "state-conflict")


@pytest.mark.parametrize(
    "change", [{"requested_by": "Anna"}, {"reason": ""}, {"reason": "  "}, {"note": "x"}]
)
async def test_an_erasure_that_cannot_be_is_refused(
    members: Api, told: Harness, change: dict[str, str]
) -> None:
    path = f"/v1/members/{await member_of(members, told)}/erasures"
    async with members.nothing_changes(told.program.text_id):
        answer = await caller(members, told).post(path, ERASE | change, key="k-1")
        problem(answer, 422, "invalid")


async def test_who_may_not_erase_does_not(members: Api, told: Harness) -> None:
    path = f"/v1/members/{await member_of(members, told)}/erasures"
    staff = caller(members, told, "members.read", "members.write", "members.reveal")
    async with members.nothing_changes(told.program.text_id):
        problem(await staff.post(path, ERASE, key="k-1"), 403, "forbidden")
        problem(await staff.get(path), 403, "forbidden")


async def test_whoever_was_erased_is_shown_without_anything_personal(
    members: Api, told: Harness
) -> None:
    staff, member = caller(members, told), await member_of(members, told)
    path = f"/v1/members/{member}/erasures"
    await forgotten(members, told, member)
    found = ok(await staff.get(f"/v1/members/{member}"))
    assert (found["status"], found["profile"], found["customers"]) == ("erased", {}, [])
    assert [each["tier"] for each in found["tiers"][0]["segments"]] == ["ordinary"]
    assert ok(await staff.get(path))["items"][0]["state"] == "done"
    known = ok(await staff.get(f"/v1/customers/{customer()}"))
    assert (known["profile"], known["member"]) == ({}, None)
    body = {"fields": ["phone"], "reason": "r"}
    assert ok(await staff.post(f"/v1/members/{member}/reveals", body))["profile"] == {}
    totals = ok(await staff.get("/v1/totals"))
    assert (totals["members"], totals["orders"]) == (0, 1)
