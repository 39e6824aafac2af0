"""No route without a caller: tokens, permissions, programs, on every route of every service."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.gateway.staff.rules.roles import PERMISSIONS
from shared.clock import fixed, system
from shared.http.tokens import ISSUER, Minter
from tests.api.harness import Api, Caller, Site, new_program, ok, problem
from tests.api.places import (
    ASKING,
    HEALTH,
    OWN,
    PAGES,
    PASSING,
    PERSONAL,
    PUBLIC,
    RANGES,
    SERVICES,
    SIGNING_IN,
    Place,
    guarded,
    places,
)
from tests.api.worlds import BODIES, World, a_world, an_empty_program

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest) -> Api:
    """Each service in turn."""
    found: Api = request.getfixturevalue(request.param)
    return found


async def test_only_these_routes_need_no_token(api: Api) -> None:
    """By asking each; a new route without a caller shows here."""
    stranger = api.bearing(None)
    open_ones = set()
    for place in places(api):
        answer = await stranger.ask(place.method, place.at({"document": "points"}))
        needs_token = answer.status_code == 401 and "www-authenticate" in answer.headers
        if not needs_token and place.name != SIGNING_IN:
            open_ones.add(place.path)
    assert open_ones == PUBLIC.get(api.service, HEALTH)
    assert len(guarded(api)) >= 5


async def test_the_document_names_the_token_where_it_is_needed(api: Api) -> None:
    document = ok(await api.bearing(None).get("/openapi.json"))
    plain = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if not operation.get("security") and operation["operationId"] != SIGNING_IN
    }
    assert plain == PUBLIC.get(api.service, HEALTH) - {"/openapi.json"} - PAGES


def encoded(part: object) -> str:
    """One part of a token."""
    raw = json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(
    site: Site,
    service: str,
    *,
    header: Mapping[str, Any] | None = None,
    key: Ed25519PrivateKey | None = None,
    **claims: Any,
) -> str:
    """A token of any header and claims, signed with the gateway's key or another."""
    now = int(system().timestamp())
    head = {"alg": "EdDSA", "kid": "gw-1", "typ": "JWT"} | dict(header or {})
    body = {"iss": ISSUER, "aud": service, "sub": "operator", "perm": ["*"], "stores": ["*"]}
    body |= {"iat": now, "exp": now + 300} | claims
    text = f"{encoded(head)}.{encoded(body)}"
    signature = (key or site.keys.token_key(system())[1]).sign(text.encode())
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def unsigned(site: Site, service: str) -> str:
    """A token that says it needs no signature."""
    return forged(site, service, header={"alg": "none"}).rpartition(".")[0] + "."


def altered(site: Site, service: str) -> str:
    """A token whose claims were changed after signing."""
    head, _, signature = forged(site, service, perm=["points.read"]).split(".")
    body = forged(site, service).split(".")[1]
    return f"{head}.{body}.{signature}"


def past(seconds: float) -> int:
    """A time ago."""
    return int(system().timestamp() - seconds)


BAD: dict[str, Callable[[Site, str], str]] = {
    "another-audience": lambda site, service: forged(
        site, "gateway" if service != "gateway" else "members"
    ),
    "several-audiences": lambda site, service: forged(site, service, aud=[service, "members"]),
    "another-issuer": lambda site, service: forged(site, service, iss="somebody"),
    "expired": lambda site, service: forged(site, service, iat=past(331), exp=past(31)),
    "long-lived": lambda site, service: forged(site, service, exp=past(-301.5)),
    "without-times": lambda site, service: forged(site, service, iat=None, exp=None),
    "foreign-key": lambda site, service: forged(site, service, key=Ed25519PrivateKey.generate()),
    "unknown-key-id": lambda site, service: forged(site, service, header={"kid": "gw-2"}),
    "alg-none": unsigned,
    "alg-hmac": lambda site, service: forged(site, service, header={"alg": "HS256"}),
    "altered": altered,
    "no-subject": lambda site, service: forged(site, service, sub=None),
    "permissions-no-list": lambda site, service: forged(site, service, perm=7),
    "stores-no-list": lambda site, service: forged(site, service, stores=7),
    "program-no-id": lambda site, service: forged(site, service, prg=7),
    "claims-no-object": lambda site, service: forged(site, service)[:40],
    "no-token": lambda _site, _service: "nonsense",
    "empty": lambda _site, _service: "",
    "unknown-api-key": lambda _site, _service: "sk_demo0001" + "A" * 43,
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
async def test_a_token_that_is_not_right_opens_no_route(
    api: Api, site: Site, make: Callable[[Site, str], str]
) -> None:
    caller = api.bearing(make(site, api.service))
    for place in guarded(api):
        answer = await caller.ask(place.method, place.at({"document": "points"}))
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_tokens_of_the_gateway_are_forged_rightly(api: Api, site: Site) -> None:
    """The forger's plain token is taken, so that what the others lack is what is wrong."""
    caller = api.bearing(forged(site, api.service))
    for place in guarded(api):
        answer = await caller.ask(place.method, place.at({"document": "points"}))
        refused = answer.status_code in {401, 403}
        assert refused == (place.name in PERSONAL), place


async def test_a_token_just_past_its_end_is_still_taken(api: Api, site: Site) -> None:
    """Clocks differ: 30 seconds of leeway."""
    minter = Minter(site.keys, fixed(system() - timedelta(seconds=310)))
    caller = api.bearing(minter.mint(api.service))
    answer = await caller.ask("GET", guarded(api)[0].at({"document": "points"}))
    assert answer.status_code != 401


async def test_without_its_permission_no_route_answers(api: Api) -> None:
    """The problem names what is missing; a permission for something else does not help."""
    caller = api.caller(new_program(), "nothing.read", "nothing.write")
    for place in guarded(api):
        if place.path == PASSING:
            continue  # the service behind it refuses
        answer = await caller.ask(place.method, place.at({"document": "points"}))
        body = problem(answer, 403, "forbidden")
        assert "permission" in body["detail"]


async def test_no_route_asks_for_a_permission_that_no_role_could_have(api: Api) -> None:
    """By what the refusals name; an owner's roles permit everything, others what is listed."""
    nobody = api.caller(new_program(), "nothing.read")
    asked = set()
    for place in guarded(api):
        if place.path != PASSING and place.name not in PERSONAL:
            answer = await nobody.ask(place.method, place.at({"document": "points"}))
            words = problem(answer, 403, "forbidden")["detail"]
            asked.add(words.removeprefix("This needs the permission ").removesuffix("."))
    assert asked
    assert asked <= {*PERMISSIONS, *OWN}


BY_STORE: Mapping[str, set[str]] = {
    "gateway": {"keys.create", "services.pass", "programs.create", "programs.list",
                "programs.get", "stores.list", "stores.get", "contacts.find",
                "counter.lookup"},
    "members": {"members.reveal", "members.list", "members.get", "members.find", "customers.get",
                "members.at-counter", "consents.list", "tiers.list"},
    "analytics": {"home.get", "subjects.get", "subjects.of", "rfm.get", "series.get"},
}  # fmt: skip
"""Routes that narrow their answers to a caller's stores, pass them on, or are of no store."""


async def test_a_caller_of_some_stores_is_refused_where_answers_are_of_all(api: Api) -> None:
    """What is not narrowed to a branch is not told to it."""
    program = await an_empty_program(api)
    branch = api.caller(program, stores=("sto_agojyzjeabykvaaaaaaaaaaaai",))
    places_of_all = [p for p in guarded(api) if p.name not in BY_STORE.get(api.service, set())]
    assert places_of_all
    for place in places_of_all:
        answer = await branch.ask(place.method, place.at({"document": "points"}))
        assert answer.status_code == 403, place


async def test_reading_permits_no_writing(api: Api) -> None:
    caller = api.caller(
        new_program(), *(f"{service}.read" for service in SERVICES), "settings.read"
    )
    writing = [
        place
        for place in guarded(api)
        if place.method != "GET" and place.path != PASSING and place.name not in ASKING
    ]
    for place in writing:
        answer = await caller.ask(place.method, place.at({"document": "points"}))
        problem(answer, 403, "forbidden")


async def answered(caller: Caller, place: Place, ids: Mapping[str, str]) -> tuple[int, Any]:
    """What a caller is told, without what is said again of the request or is by chance."""
    body = BODIES.get(place.name)
    headers = {"if-match": "*", "idempotency-key": f"k-{place.name}-{ids.get('member_id')}"}
    given = {"params": RANGES.get(place.name)} | ({} if body is None else {"json": body})
    answer = await caller.ask(place.method, place.at(ids), headers=headers, **given)
    told = answer.json() if answer.content else {}
    told.pop("trace_id", None)
    return answer.status_code, told


async def test_another_programs_things_are_as_those_that_nobody_has(api: Api) -> None:
    """On every route with an id: 404, or the empty list that an unknown id gets; all stays."""
    world: World = await a_world(api)
    stranger = api.caller(await an_empty_program(api))
    of_none = OF_ALL_PROGRAMS | PERSONAL | {"access-exports.create"}  # members says who is none
    asked = [p for p in guarded(api) if p.has_id and p.name not in of_none]
    before = await api.site.contents(api.service, world.program)
    for place in asked:
        foreign = await answered(stranger, place, world.ids)
        assert foreign == await answered(stranger, place, {"move": "pause"}), place
        told = foreign[1]
        empty = told.get("items") == [] or not any(told.get("tables", {"": "?"}).values())
        assert foreign[0] == 404 or empty, place
    after = await api.site.contents(api.service, world.program)
    shared = {"journal", "outbox", "program", "the log"}
    assert {k: v for k, v in after.items() if k not in shared} == {
        k: v for k, v in before.items() if k not in shared
    }
    mine = api.caller(world.program)
    for place in asked:
        if place.method == "GET" and not place.name.startswith("me."):
            assert (await answered(mine, place, world.ids))[0] == 200, place


async def test_lists_hold_nothing_of_another_program(api: Api) -> None:
    world = await a_world(api)
    stranger = api.caller(await an_empty_program(api))
    lists = [
        place
        for place in guarded(api)
        if place.method == "GET"
        and "{" not in place.path
        and place.name.endswith(".list")
        and place.name not in OF_NO_PROGRAM - {"programs.list"}
    ]
    for place in lists:
        found = ok(await stranger.get(place.path))["items"]
        assert not set(world.ids.values()) & set(json.dumps(found).split('"')), place
        assert place.name in {"programs.list", "audit.list"} or found == []


async def test_a_program_that_is_not_known_is_not_found(api: Api) -> None:
    """Neither one of a token, nor one that an operator names."""
    tokens = api.site.minter
    asked = [
        place
        for place in guarded(api)
        if place.method == "GET" and not place.has_id and place.name not in OF_NO_PROGRAM
    ]
    for caller in (
        api.caller(new_program()),
        api.bearing(tokens.mint(api.service), **{"shuke-program": new_program()}),
        api.bearing(tokens.mint(api.service), **{"shuke-program": "nonsense"}),
    ):
        for place in asked:
            path = place.at({"document": DOCUMENTS[api.service]})
            problem(await caller.get(path, **RANGES.get(place.name, {})), 404, "not-found")


OF_ALL_PROGRAMS = {"halts.list", "halts.resume"}
"""Routes that only an operator may call."""
OF_NO_PROGRAM = {
    "services.pass", "programs.list", "ladders.templates", "roles.list",
    *OF_ALL_PROGRAMS, *PERSONAL,
}  # fmt: skip
OF_ANY_PROGRAM = {
    "dead-letters.list", "parked-programs.list", "staff.list", "approvals.list", "audit.list",
}  # fmt: skip
"""Lists of all programs for an operator who names none."""
DOCUMENTS = {
    "gateway": "connection/whk_agojyzjeabykvaaaaaaaaaaaai",
    "members": "join",
    "points": "points",
    "campaigns": "",
    "analytics": "analytics",
}


async def test_an_operator_names_the_program_and_a_key_may_not_name_another(api: Api) -> None:
    program, other = await an_empty_program(api), await an_empty_program(api)
    place = next(
        place
        for place in guarded(api)
        if place.method == "GET"
        and place.name.endswith((".list", "totals.get"))
        and "{" not in place.path
        and place.name not in OF_NO_PROGRAM | OF_ANY_PROGRAM
    )
    operator = api.site.minter.mint(api.service)
    problem(await api.bearing(operator).get(place.path), 422, "invalid")
    ok(await api.bearing(operator, **{"shuke-program": program}).get(place.path))
    mine = api.site.minter.mint(api.service, "key", program)
    ok(await api.bearing(mine, **{"shuke-program": program}).get(place.path))
    problem(await api.bearing(mine, **{"shuke-program": other}).get(place.path), 404, "not-found")
