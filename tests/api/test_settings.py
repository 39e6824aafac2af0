"""Settings over HTTP: draft, check, publish, history; the same in every service that has any."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Struct

from tests.api.harness import Api, ok, problem
from tests.api.worlds import JOIN, LADDER, an_empty_program

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Case(Struct, frozen=True):
    """A document of a service."""

    service: str
    document: str
    body: dict[str, Any]
    other: dict[str, Any]
    nonsense: dict[str, Any]
    pointer: str


CASES = [
    Case(
        "members",
        "join",
        JOIN,
        {"routes": [{"route": "open"}]},
        {"routes": [{"route": "by-magic"}]},
        "/routes/0/route",
    ),
    Case("members", "ladder/main", LADDER, LADDER | {"primary": True}, {"tiers": 7}, "/tiers"),
    Case(
        "points",
        "points",
        {"validity": "never"},
        {"validity": "months:12"},
        {"validity": "sometimes"},
        "/validity",
    ),
    Case(
        "analytics",
        "analytics",
        {"active_days": 30},
        {"active_days": 60},
        {"active_days": 0},
        "/active_days",
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.document)
def case(request: pytest.FixtureRequest) -> Case:
    """Each document in turn."""
    found: Case = request.param
    return found


@pytest.fixture
def api(request: pytest.FixtureRequest, case: Case) -> Api:
    """Its service."""
    found: Api = request.getfixturevalue(case.service)
    return found


async def test_a_draft_is_saved_published_and_told(api: Api, case: Case) -> None:
    """A program's first version holds from the beginning, a later one from now on."""
    program = await an_empty_program(api)
    staff, path = api.caller(program), f"/v1/settings/{case.document}"
    answer = await staff.get(path)
    assert ok(answer) == {
        "document": case.document,
        "published": None,
        "draft": None,
        "draft_ends_at": None,
    }
    saved = await staff.send("PUT", path, case.body, if_match=answer.headers["etag"])
    draft = ok(saved)["draft"]
    assert draft.items() >= {key: draft[key] for key in case.body}.items()
    assert ok(await staff.post(f"{path}:check")) == {"errors": []}
    made = ok(await staff.post(f"{path}:publish", if_match=saved.headers["etag"]))
    assert made["version"] == 1
    assert made["effective_from"] < "1971"
    now = await staff.get(path)
    assert ok(now)["draft"] is None
    assert ok(now)["published"]["body"] == draft
    ok(await staff.send("PUT", path, case.other, if_match=now.headers["etag"]))
    instant = datetime(2027, 1, 1, tzinfo=UTC)
    with api.at(instant):
        second = ok(await staff.post(f"{path}:publish", if_match="*"))
    assert (second["version"], second["effective_from"]) == (2, "2027-01-01T00:00:00.000Z")
    versions = ok(await staff.get(f"{path}/versions"))["items"]
    assert [version["version"] for version in versions] == [2, 1]
    assert versions[1]["body"] == draft


async def test_nonsense_is_refused_with_its_place(api: Api, case: Case) -> None:
    program = await an_empty_program(api)
    staff, path = api.caller(program), f"/v1/settings/{case.document}"
    async with api.nothing_changes(program):
        body = problem(await staff.send("PUT", path, case.nonsense, if_match="*"), 422, "invalid")
        assert case.pointer in {error["pointer"] for error in body["errors"]}
        body = problem(
            await staff.send("PUT", path, case.body | {"colour": 1}, if_match="*"), 422, "invalid"
        )
        assert ("/colour", "unknown-field") in {(e["pointer"], e["code"]) for e in body["errors"]}


async def test_two_who_save_do_not_overwrite_each_other(api: Api, case: Case) -> None:
    program = await an_empty_program(api)
    staff, path = api.caller(program), f"/v1/settings/{case.document}"
    seen = (await staff.get(path)).headers["etag"]
    ok(await staff.send("PUT", path, case.body, if_match=seen))
    async with api.nothing_changes(program):
        problem(await staff.send("PUT", path, case.other, if_match=seen), 412, "version-stale")
        problem(await staff.send("PUT", path, case.other), 428, "if-match-required")
        problem(await staff.post(f"{path}:publish", if_match=seen), 412, "version-stale")
        problem(await staff.post(f"{path}:publish"), 428, "if-match-required")


async def test_without_a_draft_there_is_nothing_to_publish(api: Api, case: Case) -> None:
    program = await an_empty_program(api)
    staff, path = api.caller(program), f"/v1/settings/{case.document}"
    async with api.nothing_changes(program):
        problem(await staff.post(f"{path}:check"), 409, "state-conflict")
        problem(await staff.post(f"{path}:publish", if_match="*"), 409, "state-conflict")


async def test_there_is_no_other_document(api: Api, case: Case) -> None:
    program = await an_empty_program(api)
    staff = api.caller(program)
    async with api.nothing_changes(program):
        for name in ("nothing", "ladder/", "ladder/1", f"{case.document}/x"):
            path = f"/v1/settings/{name}"
            problem(await staff.get(path), 404, "not-found")
            problem(await staff.send("PUT", path, case.body, if_match="*"), 404, "not-found")
            problem(await staff.post(f"{path}:publish", if_match="*"), 404, "not-found")


async def test_a_rebate_that_gives_everything_back_is_not_published(points: Api) -> None:
    """It may be a draft, for it may be on its way to something else."""
    program = await an_empty_program(points)
    staff, path = points.caller(program), "/v1/settings/points"
    ok(await staff.send("PUT", path, {"unit_points": 1, "unit_value": 100}, if_match="*"))
    async with points.nothing_changes(program):
        (error,) = ok(await staff.post(f"{path}:check"))["errors"]
        assert error["code"] == "rebate-too-high"
        problem(await staff.post(f"{path}:publish", if_match="*"), 422, "rebate-too-high")
