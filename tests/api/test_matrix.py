"""Who gets how far on every route: asked of all of them, and compared with `access.csv`.

The file is the table that people read. A route that it does not name fails, and so does a caller
who gets further than it says. `REWRITE_ACCESS=1` writes it anew; the reasons in it stay, and each
line that lets somebody pass who is usually refused must have one.

| In the table | Means |
|---|---|
| 401, 403, 404 | refused: no valid token, not permitted, nothing of his |
| own | answered, with nothing of the program's that was asked for |
| asked | let in; the request itself was refused for what it lacked |
| seen | answered with something of the program |
| yes | let in: for callers who may |

The column `staff` names those of the ten roles that are let in, each with a second factor that was
given just now and, where that is needed, with a second person's approval.
"""

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from msgspec import Struct

from services.gateway.cookies import CSRF_HEADER
from services.gateway.secrecy import csrf_token
from services.gateway.staff.rules.roles import ROLES
from shared.clock import fixed, system
from shared.http.tokens import Minter
from tests.api.harness import SUBJECT, Api, Caller
from tests.api.places import (
    BY_PROOF,
    PAGES,
    PASSED,
    PERSONAL,
    RANGES,
    SAMPLE,
    SERVICES,
    SIGNING_IN,
    Place,
    places,
)  # fmt: skip
from tests.api.worlds import BODIES, World, a_world, an_empty_program

pytestmark = pytest.mark.asyncio(loop_scope="session")
TABLE: Final = Path(__file__).with_name("access.csv")
HEADS: Final = ("service", "method", "path", "route", "permission")
BRANCH: Final = "sto_agojyzjeabykvaaaaaaaaaaaay"
REFUSED: Final = {"401", "403", "404"}
ENDING: Final = ("remove", "revoke", "end", "leave", "unlink", "move", "stop", "discard")
"""Words of routes after which there is less to ask for."""


class Asking(Struct, frozen=True):
    """One world, and another program beside it."""

    api: Api
    world: World
    other: str

    def token(
        self,
        program: str | None,
        permission: str,
        stores: Sequence[str] = ("*",),
        *,
        audience: str | None = None,
        ago: timedelta = timedelta(),
    ) -> str:
        """A token of a key, or without a program an operator's."""
        minter = Minter(self.api.site.keys, fixed(system() - ago))
        audience = audience or self.api.service
        if program is None:
            return minter.mint(audience)
        return minter.mint(audience, SUBJECT, program, [permission], stores)


def _of_the_staff(asking: Asking, role: str) -> Caller:
    """Somebody with one of the ten roles in the program, as a cookie makes them."""
    held, minter = ROLES[role], asking.api.site.minter
    token = minter.mint(
        asking.api.service,
        SAMPLE["staff_id"],
        asking.world.program,
        sorted(held.permissions),
        fields=held.fields,
        stepped_up_until=system() + timedelta(minutes=5),
        seconded=True,
    )
    return asking.api.bearing(token)


async def _let_in(asking: Asking, place: Place) -> str:
    """The roles that get past a route's door; what is gone since another was there is no door."""
    found = []
    for role in ROLES:
        answer = await asked(_of_the_staff(asking, role), place, asking.world.ids, whole=False)
        if judged(place, answer, {}) not in {"401", "403"}:
            found.append(role)
    return "all" if len(found) == len(ROLES) else " ".join(found) or "none"


Makes = Callable[[Asking, str], Caller]


def _other_audience(asking: Asking, permission: str) -> Caller:
    audience = "gateway" if asking.api.service != "gateway" else "members"
    token = asking.token(asking.world.program, permission, audience=audience)
    return asking.api.bearing(token)


def _operator(asking: Asking, _permission: str) -> Caller:
    token = asking.token(None, "*")
    return asking.api.bearing(token, **{"shuke-program": asking.world.program})


def _member(asking: Asking, _permission: str) -> Caller:
    """At the gateway by a cookie; at a service as the gateway presents them."""
    api, world = asking.api, asking.world
    if api.service == "gateway":
        cookie = api.app.state.shoppers.cookie.name
        return api.bearing(
            None,
            cookie=f"{cookie}={world.shopper}",
            **{CSRF_HEADER: csrf_token(world.shopper)},
        )
    member = world.ids.get("member_id", SAMPLE["member_id"])
    return api.bearing(api.site.minter.mint(api.service, member, world.program, ["self.read"]))


STRANGERS: Final[Mapping[str, Makes]] = {
    "nobody": lambda asking, _permission: asking.api.bearing(None),
    "expired": lambda asking, permission: asking.api.bearing(
        asking.token(asking.world.program, permission, ago=timedelta(minutes=6))
    ),
    "other-audience": _other_audience,
    "missing-scope": lambda asking, _permission: asking.api.bearing(
        asking.token(asking.world.program, "nothing.read")
    ),
    "other-branch": lambda asking, _permission: asking.api.bearing(
        asking.token(asking.world.program, "*", [BRANCH])
    ),
    "other-program": lambda asking, _permission: asking.api.bearing(
        asking.token(asking.other, "*")
    ),
    "member": _member,
}
"""Who is to be refused, or shown what is his."""
PERMITTED: Final[Mapping[str, Makes]] = {
    "key": lambda asking, permission: asking.api.bearing(
        asking.token(asking.world.program, permission)
    ),
    "operator": _operator,
}
"""Who may: a key with the one permission that the route names, and an operator."""
CALLERS: Final = (*STRANGERS, *PERMITTED)
STAFF: Final = "staff"
REFUSED_EACH: Final = [(name, refused) for name in STRANGERS for refused in sorted(REFUSED)]


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest) -> Api:
    """Each service in turn."""
    found: Api = request.getfixturevalue(request.param)
    return found


async def asked(
    caller: Caller, place: Place, ids: Mapping[str, str], *, whole: bool
) -> httpx2.Response:
    """A request; if it is not whole it says nothing but its path, and changes little."""
    given: dict[str, Any] = {"params": RANGES.get(place.name, {})}
    if whole:
        given["headers"] = {"if-match": "*", "idempotency-key": f"k-{place.name}"}
    if whole and place.name in BODIES:
        given["json"] = BODIES[place.name]
    return await caller.ask(place.method, place.at(ids), **given)


def judged(place: Place, answer: httpx2.Response, ids: Mapping[str, str]) -> str:
    """How far a caller got."""
    status = answer.status_code
    # No service is there: who is passed on, or is to be told whether they are a member, was let in.
    away = place.path in PASSED or place.name in PERSONAL
    assert status < 500 or (away and status == 503), answer.text
    if str(status) in REFUSED:
        return str(status)
    if status >= 400:
        return "asked"
    told = answer.text.replace(ids.get("document", "\0"), "")
    return "seen" if any(value in told for value in ids.values()) else "own"


async def permission_of(asking: Asking, place: Place) -> str:
    """The permission that a route names when it is missing; empty: it asks for none."""
    caller = STRANGERS["missing-scope"](asking, "")
    answer = await asked(caller, place, asking.world.ids, whole=True)
    found = re.search(r"needs the permission ([a-z.-]+)\.", answer.text)
    return found[1] if found and answer.status_code == 403 else ""


def _judged(place: Place) -> bool:
    """Not what is the same for everybody, nor signing in, which is soon told to slow down."""
    return place.path not in PAGES and place.name not in {SIGNING_IN, *BY_PROOF}


def _order(place: Place) -> tuple[bool, bool]:
    word = place.name.rpartition(".")[2]
    return place.method != "GET", word in ENDING


async def rows(api: Api) -> list[dict[str, str]]:
    """The table's lines of a service, as they are."""
    asking = Asking(api, await a_world(api), await an_empty_program(api))
    beside = Asking(api, await a_world(api), asking.other)
    manned = Asking(api, await a_world(api), asking.other)
    own = {key: value for key, value in asking.world.ids.items() if "_" in value}
    found = []
    for place in sorted(filter(_judged, places(api)), key=_order):
        permission = await permission_of(asking, place)
        row = dict(zip(HEADS, (api.service, place.method, place.path, place.name, permission),
                       strict=True))  # fmt: skip
        for name, make in STRANGERS.items():
            answer = await asked(make(asking, permission), place, asking.world.ids, whole=True)
            row[name] = judged(place, answer, own)
        for name, make in PERMITTED.items():
            mine = beside if name == "operator" else asking
            answer = await asked(make(mine, permission), place, mine.world.ids, whole=False)
            reached = judged(place, answer, own)
            row[name] = reached if reached in REFUSED else "yes"
        row[STAFF] = await _let_in(manned, place)
        found.append(row)
    return sorted(found, key=lambda row: (row["path"], row["method"]))


def table() -> Iterator[dict[str, str]]:
    """The lines of the file."""
    if TABLE.exists():
        with TABLE.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def rewrite(service: str, found: Sequence[Mapping[str, str]]) -> None:
    """Put a service's lines in the place of those that there are."""
    before = list(table())
    why = {(row["service"], row["method"], row["path"]): row["why"] for row in before}
    others = [row for row in before if row["service"] != service]
    lines = [
        dict(row) | {"why": why.get((service, row["method"], row["path"]), "")} for row in found
    ]
    ordered = sorted([*others, *lines], key=lambda row: SERVICES.index(row["service"]))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*HEADS, *CALLERS, STAFF, "why"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)


def odd(row: Mapping[str, str]) -> list[str]:
    """Callers who pass where they are usually refused, or are refused where they usually pass."""
    usual = [*REFUSED_EACH, *((name, "yes") for name in PERMITTED), ("other-program", "own")]
    return [name for name in CALLERS if (name, row[name]) not in usual]


async def test_every_caller_gets_as_far_as_the_table_says(api: Api) -> None:
    """And what is out of the usual has its reason there, nothing else has."""
    found = await rows(api)
    if os.environ.get("REWRITE_ACCESS"):
        rewrite(api.service, found)
    expected = [row for row in table() if row["service"] == api.service]
    named = {(row["method"], row["path"]): row for row in expected}
    for row in found:
        known = named.pop((row["method"], row["path"]), None)
        assert known is not None, f"not in {TABLE.name}: {row}"
        assert row == {name: known[name] for name in row}
    assert named == {}, "routes that there are no more"
    for row in expected:
        assert bool(odd(row)) == bool(row["why"]), (row, odd(row))
