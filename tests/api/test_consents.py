"""What members agree to, over HTTP: recorded by staff, by themselves, and asked before messages."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.api.harness import Api, Caller, ok, problem
from tests.api.test_audited import entries
from tests.api.worlds import JOIN, telling
from tests.builders.contacts import Profiles, boxed
from tests.builders.storefront import an_order, customer

pytestmark = pytest.mark.asyncio(loop_scope="session")
PHONE = "+8613800138000"


class Members:
    """A program with two members, of whom one is known by phone."""

    def __init__(self, api: Api, program: str, ids: list[str]) -> None:
        self.api = api
        self.program = program
        self.staff = api.caller(program)
        self.ann, self.ben = ids

    def own(self, member: str, permission: str) -> Caller:
        """A member, as the gateway presents them."""
        minter = self.api.site.minter
        return self.api.bearing(minter.mint("members", member, self.program, [permission]))

    async def say(self, member: str, key: str, **said: Any) -> Any:
        """Record one statement."""
        body = {"statements": [{"channel": "counter"} | said]}
        return await self.staff.post(f"/v1/members/{member}/consents", body, key=key)

    async def ledger(self, member: str) -> Any:
        """What a member agrees to."""
        return ok(await self.staff.get(f"/v1/members/{member}/consents"))

    async def resolve(self, purpose: str = "marketing-sms", *more: str) -> list[Any]:
        """Addresses, or why there are none."""
        body = {
            "member_ids": [self.ann, self.ben, *more],
            "channel": purpose.removeprefix("marketing-"),
            "purpose": purpose,
        }
        items = ok(await self.staff.post("/v1/contacts:resolve", body))["items"]
        assert [each["member_id"] for each in items] == body["member_ids"]
        return [each["address"] or each["refused"] for each in items]


@pytest_asyncio.fixture(loop_scope="session")
async def world(members: Api) -> AsyncIterator[Members]:
    """Two members."""
    async with telling(members) as told:
        program, keys = told.program.text_id, members.site.keys
        await told.settings("join", JOIN)
        ids = []
        for name in ("ann", "ben"):
            order = an_order(program, no=name, buyer=customer(name))
            await told.apply(boxed(order, keys, phone=PHONE) if name == "ann" else order)
            found = ok(await members.caller(program).get(f"/v1/customers/{customer(name)}"))
            ids.append(found["member"]["member_id"])
        await Profiles(told, keys).open_boxes()
        yield Members(members, program, ids)


async def test_staff_record_what_was_said_and_everybody_sees_what_holds(world: Members) -> None:
    """The ledger tells every statement, in the order of their instants."""
    assert await world.ledger(world.ann) == {
        "member_id": world.ann, "consents": {}, "items": [],
    }  # fmt: skip
    said = {"purpose": "profiling", "text_version": "3", "evidence": "signed-form"}
    march, april = "2026-03-01T02:00:00.000Z", "2026-04-01T02:00:00.000Z"
    ok(await world.say(world.ann, "a", state="withdrawn", at=april, **said), 201)
    answer = ok(await world.say(world.ann, "b", state="granted", at=march, **said), 201)
    held = {"state": "withdrawn", "at": april, "text_version": "3", "channel": "counter"}
    assert answer["consents"] == {"profiling": held}
    found = await world.ledger(world.ann)
    assert found["consents"] == {"profiling": held}
    assert [(each["state"], each["at"]) for each in found["items"]] == [
        ("granted", march), ("withdrawn", april),
    ]  # fmt: skip
    own = ok(await world.own(world.ann, "self.read").get("/v1/me/consents"))
    assert own == found


async def test_a_member_agrees_and_takes_it_back_and_cannot_take_back_the_terms(
    world: Members,
) -> None:
    """As easily the one as the other."""
    own = world.own(world.ben, "self.consent")
    for number, state in enumerate(("granted", "withdrawn")):
        body = {"consents": {"profiling": state, "marketing-email": state}, "text_version": "4"}
        held = ok(await own.post("/v1/me/consents", body, key=f"own-{number}"), 201)
        assert {each["state"] for each in held["consents"].values()} == {state}
    before = await world.ledger(world.ben)
    body = {"consents": {"terms": "withdrawn", "profiling": "granted"}}
    problem(await own.post("/v1/me/consents", body, key="terms"), 409, "terms-required")
    problem(
        await own.post("/v1/me/consents", {"consents": {"spying": "granted"}}, key="other"),
        422, "invalid",
    )  # fmt: skip
    assert await world.ledger(world.ben) == before


async def test_addresses_are_told_of_those_who_agree_and_each_question_is_on_record(
    world: Members,
) -> None:
    """Of the others why not, in their place; what is withdrawn counts at once."""
    stranger = "mem_agojyzjeabykvaaaaaaaaaaaay"
    assert await world.resolve("marketing-sms", stranger) == [
        "consent-missing", "consent-missing", "not-found",
    ]  # fmt: skip
    for member in (world.ann, world.ben):
        ok(await world.say(member, f"s{member}", purpose="marketing-sms", state="granted"), 201)
    assert await world.resolve() == [PHONE, "address-unknown"]
    assert await world.resolve("marketing-email") == ["consent-missing", "consent-missing"]
    ok(await world.say(world.ann, "w", purpose="marketing-sms", state="withdrawn"), 201)
    assert (await world.resolve())[0] == "consent-missing"
    written = await entries(world.api, world.program, "contacts.resolve")
    assert [each["target"] for each in written].count(world.ann) == 4
    assert PHONE not in str(written)


async def test_a_purpose_of_another_channel_is_refused(world: Members) -> None:
    body = {"member_ids": [world.ann], "channel": "email", "purpose": "marketing-sms"}
    problem(await world.staff.post("/v1/contacts:resolve", body), 422, "invalid")
