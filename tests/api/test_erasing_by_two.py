"""Erasing a member at staff's wish: one proposes, another lets it happen, and it happens once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from msgspec import Struct

from services.gateway.approvals.managing import PATIENCE, Approvals
from services.gateway.erasing import ERASE, Erasing
from services.gateway.proxy import Proxy
from shared.api import build_app
from shared.http.tokens import Minter
from shuke.services import SERVICES
from tests.api.harness import SUBJECT, Api, Site, ok, open_shop, problem
from tests.api.staffing import GATEWAY, Browser, now, somebody
from tests.api.worlds import BODIES, JOIN, telling
from tests.builders.storefront import an_order

pytestmark = pytest.mark.asyncio(loop_scope="session")
BODY = BODIES["erasures.create"]


class Line(httpx2.AsyncBaseTransport):
    """The network between gateway and members, which can be cut."""

    def __init__(self, api: Api) -> None:
        self._to = httpx2.ASGITransport(app=api.app)
        self.cut = False
        self.lost = False
        """Whether answers are lost on the way back."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on, or fail as a network does."""
        if self.cut:
            raise httpx2.ConnectError("cut", request=request)
        answer = await self._to.handle_async_request(request)
        if self.lost:
            raise httpx2.ReadError("lost", request=request)
        return answer


class Scene(Struct):
    """A gateway that reaches members, a program there, a member of it."""

    gateway: Api
    members: Api
    line: Line
    program: str
    member: str

    @property
    def path(self) -> str:
        """Where erasures of the member are asked for."""
        return f"/api/members/v1/members/{self.member}/erasures"

    async def person(self, *roles: str) -> Browser:
        """Somebody of the program, signed in."""
        return (await somebody(self.gateway, *roles, program=self.program))[0]

    async def erasures(self) -> list[dict[str, Any]]:
        """Erasures of the member that were asked for."""
        staff = self.members.caller(self.program)
        found: list[dict[str, Any]] = ok(await staff.get(f"/v1/members/{self.member}/erasures"))[
            "items"
        ]
        return found

    async def propose(self, who: Browser) -> dict[str, Any]:
        """Ask for the erasure: what waits then."""
        answer = await who.ask("POST", self.path, BODY, **{"idempotency-key": "k-1"})
        waiting: dict[str, Any] = ok(answer, 202)
        place = f"{GATEWAY}/approvals/{waiting['approval_id']}"
        assert answer.headers["location"] == place
        return waiting

    async def approve(self, who: Browser, waiting: dict[str, Any]) -> httpx2.Response:
        """Let it happen."""
        return await who.post(f"/approvals/{waiting['approval_id']}:approve")

    async def perform(self) -> int:
        """What the worker does."""
        approvals: Approvals = self.gateway.app.state.approvals
        return await approvals.perform_what_waits(now() + 2 * PATIENCE)

    async def outcome(self, who: Browser) -> Any:
        """What became of the only proposal."""
        (told,) = ok(await who.get("/approvals"))["items"]
        return told["state"], told["outcome"]


@pytest_asyncio.fixture(loop_scope="session")
async def scene(site: Site, members: Api) -> AsyncIterator[Scene]:
    """A member, and nobody on the staff but who could act for all programs is put aside."""
    config = site.config.model_copy(update={"urls": {"members": "http://members.test"}})
    app = build_app(SERVICES["gateway"], config)
    line = Line(members)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=line, trust_env=False) as http,
    ):
        minter = Minter(site.keys)
        app.state.proxy = Proxy(config, minter, http)
        erasing = Erasing(config, minter, http)
        app.state.approvals = Approvals(app.state.database, {}, {ERASE: erasing})
        gateway = Api(site, "gateway", app)
        await site.execute(
            "update gateway.staff s set status = 'disabled' where exists (select from "
            "gateway.staff_role r where r.staff_id = s.staff_id and program_id = 0)"
        )
        shop = await open_shop(gateway)
        async with telling(members, shop.program) as told:
            await told.settings("join", JOIN)
            await told.apply(an_order(shop.program, amount_minor=88960))
        staff = members.caller(shop.program)
        (member,) = ok(await staff.get("/v1/members"))["items"]
        yield Scene(gateway, members, line, shop.program, member["member_id"])


async def test_another_lets_it_happen_and_not_who_proposed_it(scene: Scene) -> None:
    owner, officer = await scene.person("owner"), await scene.person("data-officer")
    waiting = await scene.propose(owner)
    assert (waiting["kind"], waiting["target"]) == (ERASE, scene.member)
    assert waiting["details"] == BODY
    assert await scene.erasures() == []
    problem(await scene.approve(owner, waiting), 403, "second-person")
    assert await scene.erasures() == []
    decided = ok(await scene.approve(officer, waiting))
    assert (decided["state"], decided["outcome"]) == ("approved", "done")
    (erasure,) = await scene.erasures()
    assert (erasure["state"], erasure["requested_by"]) == ("open", "member")
    problem(await scene.approve(officer, waiting), 409, "state-conflict")
    assert await scene.perform() == 0
    assert len(await scene.erasures()) == 1


async def test_a_manager_who_may_not_erase_lets_nothing_happen(scene: Scene) -> None:
    owner, _officer = await scene.person("owner"), await scene.person("data-officer")
    manager = await scene.person("manager")
    waiting = await scene.propose(owner)
    async with scene.gateway.nothing_changes(scene.program):
        problem(await scene.approve(manager, waiting), 403, "forbidden")
    problem(await manager.ask("POST", scene.path, BODY), 403, "forbidden")
    assert await scene.erasures() == []


async def test_what_is_rejected_or_lapsed_erases_nobody(scene: Scene) -> None:
    owner, officer = await scene.person("owner"), await scene.person("data-officer")
    waiting = await scene.propose(owner)
    ok(await officer.post(f"/approvals/{waiting['approval_id']}:reject", {"reason": "no"}))
    late = await scene.propose(owner)
    await scene.gateway.site.execute(
        "update gateway.approval set proposed_at = $1 where state = 'pending'",
        now() - timedelta(hours=24),
    )
    problem(await scene.approve(officer, late), 409, "state-conflict")
    assert await scene.perform() == 0
    assert await scene.erasures() == []


@pytest.mark.parametrize("others", [(), ("manager",), ("service", "counter")])
async def test_where_nobody_else_could_approve_it_happens_at_once(
    scene: Scene, others: tuple[str, ...]
) -> None:
    owner = await scene.person("owner")
    for role in others:
        await scene.person(role)
    answer = await owner.ask("POST", scene.path, BODY, **{"idempotency-key": "k-1"})
    assert ok(answer, 201)["state"] == "open"
    assert ok(await owner.get("/approvals"))["items"] == []


async def test_who_approves_may_have_a_role_of_the_programs_own(scene: Scene) -> None:
    owner = await scene.person("owner")
    body = {"name": "Privacy", "permissions": ["members.erase", "approvals.decide"]}
    role = ok(await owner.post("/roles", body), 201)["role"]
    officer = await scene.person(role)
    waiting = await scene.propose(owner)
    assert ok(await scene.approve(officer, waiting))["outcome"] == "done"


@pytest.mark.parametrize("break_down", ["cut", "lost"])
async def test_what_is_approved_happens_once_though_the_process_dies(
    scene: Scene, break_down: str
) -> None:
    """Before members heard of it, or after, when the answer was lost."""
    owner, officer = await scene.person("owner"), await scene.person("data-officer")
    waiting = await scene.propose(owner)
    setattr(scene.line, break_down, True)
    decided = ok(await scene.approve(officer, waiting))
    assert (decided["state"], decided["outcome"]) == ("approved", None)
    assert await scene.perform() == 0
    setattr(scene.line, break_down, False)
    assert len(await scene.erasures()) == (0 if break_down == "cut" else 1)
    problem(await scene.approve(officer, waiting), 409, "state-conflict")
    assert await scene.perform() == 1
    assert await scene.outcome(owner) == ("approved", "done")
    assert await scene.perform() == 0
    assert len(await scene.erasures()) == 1


async def test_what_members_refuses_is_told(scene: Scene) -> None:
    owner, officer = await scene.person("owner"), await scene.person("data-officer")
    waiting = await scene.propose(owner)
    key = scene.members.caller(scene.program)
    path = f"/v1/members/{scene.member}/erasures"
    ok(await key.post(path, BODY, key="before"), 201)
    decided = ok(await scene.approve(officer, waiting))
    assert (decided["state"], decided["outcome"]) == ("approved", "state-conflict")
    assert len(await scene.erasures()) == 1


async def test_staff_reach_the_erasure_by_no_other_way(scene: Scene) -> None:
    """What is passed on as anything else members refuses: its token says that nobody approved."""
    owner, _officer = await scene.person("owner"), await scene.person("data-officer")
    for end in ("/erasures?", "/erasures%3F", "/erasures%23", "//erasures", "/./erasures"):
        path = scene.path.removesuffix("/erasures") + end
        answer = await owner.ask("POST", path, BODY, **{"idempotency-key": "k-1"})
        assert answer.status_code in {202, 403, 404, 422}, (end, answer.text)
    minter = scene.gateway.site.minter
    token = minter.mint("members", "stf_caireeyuculbogazdinryhi6d4", scene.program, [ERASE])
    staff = scene.members.bearing(token)
    answer = await staff.post(f"/v1/members/{scene.member}/erasures", BODY, key="k-1")
    problem(answer, 403, "second-person")
    assert await scene.erasures() == []


async def test_a_key_needs_no_second_person(scene: Scene) -> None:
    await scene.person("owner")
    token = scene.gateway.site.minter.mint("gateway", SUBJECT, scene.program, [ERASE])
    answer = await scene.gateway.bearing(token).post(scene.path, BODY, key="k-1")
    assert ok(answer, 201)["state"] == "open"


async def test_asking_needs_a_code_of_the_last_five_minutes(scene: Scene) -> None:
    owner = await scene.person("owner")
    await scene.gateway.site.execute("update gateway.staff_session set stepped_up_at = null")
    async with scene.gateway.nothing_changes(scene.program):
        answer = await owner.ask("POST", scene.path, BODY, **{"idempotency-key": "k-1"})
        problem(answer, 403, "step-up-required")
    assert await scene.erasures() == []
