"""Commands that move value: once per Idempotency-Key, whatever a caller repeats."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from msgspec import Struct

from shared.clock import system
from tests.api.harness import Api, Caller, ok, problem
from tests.api.worlds import LADDER, telling
from tests.builders.members import a_joining, a_link, member
from tests.builders.promises import a_template, an_order_campaign, seeded
from tests.builders.storefront import STORE, a_check_in, customer

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Command(Struct, frozen=True):
    """A command over HTTP, and where its effect is seen."""

    api: Api
    program: str
    caller: Caller
    path: str
    body: Mapping[str, Any]
    other: Mapping[str, Any]
    """Another body that would do too."""
    table: str
    """A row of it is the effect."""

    async def send(self, key: str | None, body: Any = None) -> Any:
        """The command, or one with another body."""
        return await self.caller.post(self.path, body or self.body, key=key)

    async def effects(self) -> int:
        """How often it had its effect."""
        return len(await self.api.site.rows(self.table, self.program))


async def an_application(api: Api) -> Command:
    """Join by the open route."""
    async with telling(api) as told:
        program = told.program.text_id
        await told.settings("join", {"routes": [{"route": "open"}]})
        await told.settings("ladder/main", LADDER)
        await told.apply(*(a_check_in(program, buyer=customer(n)) for n in (1, 2)))
    bodies = [{"route": "open", "customer_id": customer(n), "store_id": STORE} for n in (1, 2)]
    return Command(
        api,
        program,
        api.caller(program),
        "/v1/applications",
        bodies[0],
        bodies[1],
        "members.member",
    )


async def an_issue(api: Api) -> Command:
    """Give a coupon."""
    async with telling(api) as told:
        program = told.program.text_id
        made = await seeded(told, an_order_campaign(a_template(stock=50)))
        for n in (1, 2):
            who = member(n)
            await told.apply(
                a_joining(program, who=who), a_link(program, who=who, buyer=customer(n))
            )
    bodies = [{"template_id": made.template_ids[0], "member_id": member(n)} for n in (1, 2)]
    return Command(
        api,
        program,
        api.caller(program),
        "/v1/coupons:issue",
        bodies[0],
        bodies[1],
        "campaigns.coupon",
    )


async def a_draft(api: Api) -> Command:
    """Make a campaign."""
    async with telling(api) as told:
        program = told.program.text_id
    body = {
        "starts_at": "2027-03-01T00:00:00Z",
        "ends_at": "2028-03-01T00:00:00Z",
        "campaign": an_order_campaign(),
    }
    other = body | {"campaign": an_order_campaign(name="Another")}
    return Command(
        api, program, api.caller(program), "/v1/campaigns", body, other, "campaigns.campaign"
    )


COMMANDS: Mapping[str, tuple[str, Callable[[Api], Awaitable[Command]]]] = {
    "apply": ("members", an_application),
    "issue": ("campaigns", an_issue),
    "draft": ("campaigns", a_draft),
}


@pytest.fixture(params=COMMANDS)
def make(request: pytest.FixtureRequest) -> Callable[[], Awaitable[Command]]:
    """Makes each command in turn."""
    service, maker = COMMANDS[request.param]
    api: Api = request.getfixturevalue(service)
    return lambda: maker(api)


Make = Callable[[], Awaitable[Command]]


async def test_the_same_key_gets_the_same_answer_and_one_effect(make: Make) -> None:
    """Quoted or bare."""
    command = await make()
    first = await command.send("k-1")
    body = ok(first, 201)
    assert "idempotent-replayed" not in first.headers
    assert await command.effects() == 1
    async with command.api.nothing_changes(command.program):
        for key in ("k-1", '"k-1"'):
            again = await command.send(key)
            assert ok(again, 201) == body
            assert again.headers["idempotent-replayed"] == "true"


async def test_the_same_key_with_another_body_is_refused(make: Make) -> None:
    command = await make()
    ok(await command.send("k-1"), 201)
    async with command.api.nothing_changes(command.program):
        problem(await command.send("k-1", command.other), 422, "idempotency-key-reused")


async def test_another_key_is_another_command(make: Make) -> None:
    command = await make()
    ok(await command.send("k-1"), 201)
    ok(await command.send("k-2", command.other), 201)
    assert await command.effects() == 2


async def test_a_key_is_a_callers_own(make: Make) -> None:
    """Two callers who chose the same key do not meet."""
    command = await make()
    ok(await command.send("k-1"), 201)
    token = command.api.site.minter.mint(command.api.service, "staff", command.program)
    other = command.api.bearing(token)
    ok(await other.post(command.path, command.other, key="k-1"), 201)
    assert await command.effects() == 2


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency-key-required"),
        ("", "idempotency-key-malformed"),
        ('""', "idempotency-key-malformed"),
        ("k" * 256, "idempotency-key-malformed"),
        ("a b", "idempotency-key-malformed"),
    ],
)
async def test_without_a_good_key_nothing_is_done(make: Make, key: str | None, code: str) -> None:
    command = await make()
    async with command.api.nothing_changes(command.program):
        problem(await command.send(key), 400, code)


async def test_a_key_is_kept_for_72_hours(make: Make) -> None:
    """After that it is neither repeated nor done anew."""
    command = await make()
    ok(await command.send("k-1"), 201)
    async with command.api.nothing_changes(command.program):
        with command.api.at(system() + timedelta(hours=71)):
            again = await command.send("k-1")
            assert again.headers["idempotent-replayed"] == "true"
        with command.api.at(system() + timedelta(hours=73)):
            problem(await command.send("k-1"), 409, "idempotency-key-expired")


async def test_many_at_once_with_one_key_have_one_effect(make: Make) -> None:
    """The others are told to wait, or the answer of the one."""
    command = await make()
    answers = await asyncio.gather(*(command.send("k-1") for _ in range(6)))
    done = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code != 201]
    assert await command.effects() == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in done) == 1
    assert len({answer.text for answer in done}) == 1
    for answer in waiting:
        problem(answer, 409, "idempotency-in-progress")
        assert answer.headers["retry-after"] == "1"
    assert ok(await command.send("k-1"), 201) == done[0].json()


async def test_a_schema_refusal_is_not_kept_under_the_key(make: Make) -> None:
    """The caller mends the body and sends it again with the same key."""
    command = await make()
    async with command.api.nothing_changes(command.program):
        problem(await command.send("k-1", {**command.body, "more": 1}), 422, "invalid")
    ok(await command.send("k-1"), 201)


async def test_a_rules_refusal_is_kept_under_the_key(campaigns: Api) -> None:
    """A coupon for nobody: told again word for word, and nothing but the answer is kept."""
    command = await an_issue(campaigns)
    nobody = dict(command.body) | {"member_id": member("nobody")}
    async with campaigns.nothing_changes(command.program, "command", "journal"):
        first = await command.send("k-1", nobody)
        again = await command.send("k-1", nobody)
    assert 400 <= first.status_code < 500
    assert again.headers["idempotent-replayed"] == "true"
    plain = [
        {k: v for k, v in answer.json().items() if k != "trace_id"} for answer in (first, again)
    ]
    assert plain[0] == plain[1]
