"""Whatever is written over HTTP is on record, and whatever is denied; nothing personal with it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import pytest

from shared.db.parking import park
from shared.db.transaction import transaction
from shared.http import denying
from shared.http.acting import ADDRESS_HEADER
from shared.ids import text_id, uuid_of
from shared.random_ids import random_id
from tests.api.harness import SUBJECT, Api, Shop, ok, problem
from tests.api.places import ASKING, PERSONAL, SERVICES, Place, guarded, places
from tests.api.worlds import BODIES, POINTS, World, a_world, an_empty_program, telling
from tests.builders.storefront import AT, STORE, a_check_in, customer

pytestmark = pytest.mark.asyncio(loop_scope="session")
EXEMPT: Final[Mapping[str, str]] = {
    "webhooks.single": "a shop's deliveries have a record of their own, each of them",
    "webhooks.bulk": "likewise",
    "services.pass": "the service that it is passed to records it",
    "erasures.propose": "a key's is passed on, staff's is a proposal: test_erasing_by_two",
    "owners.create": "asks for the token of a link, and signs in whom it makes: test_first_owner",
    "invitations.accept": "likewise: test_staff",
    "sessions.create": "asks for a password: test_sessions",
    "member-sessions.create": "asks for a code or a shop's word: test_shoppers",
    "member-codes.create": "nobody has come yet; whoever comes by the code is on record",
    "embed.ask": "browsers ask before they ask: writes nothing",
    "media.create": "takes a picture: test_decoration",
    "approvals.approve": "decides on what somebody else wants: test_approvals",
    "approvals.reject": "likewise",
} | dict.fromkeys(PERSONAL, "of who is signed in: test_sessions, test_shoppers")
"""Routes that are not read by GET and leave no entry, each with the reason."""
SHOWING: Final = ("deliveries.body", "contacts.find", "counter.lookup")
"""Routes that change nothing and show what may be personal."""
LOCALES: Final = [
    Path(__file__).resolve().parents[2] / "web/src/locales" / f"{name}.json"
    for name in ("zh-CN", "en")
]
DEEDS: Final = {"deliveries.body": "deliveries.read-body"}
"""Names of deeds that are not their routes' names."""
Prepare = Callable[[Api, World], Awaitable[Mapping[str, str]]]


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest) -> Api:
    """Each service in turn."""
    found: Api = request.getfixturevalue(request.param)
    return found


def worded(action: str) -> bool:
    """Whether the console has words for a deed, in each language."""
    area, _, name = action.partition(".")
    return all(
        name in json.loads(each.read_text("utf-8"))["words"]["deed"].get(area, {})
        for each in LOCALES
    )


async def entries(api: Api, program: str | None, action: str | None = None) -> list[dict[str, Any]]:
    """Entries of a program, perhaps only those of an action, in order."""
    return await api.site.query(
        f"""
        select * from {api.service}.audit_entry
        where program is not distinct from $1 and ($2::text is null or action = $2)
        order by entry_id
        """,
        program,
        action,
    )


async def closed(api: Api, world: World) -> Mapping[str, str]:
    """A program that is closed."""
    path = f"/api/gateway/v1/programs/{world.program}"
    ok(await api.caller(world.program).send("PATCH", path, {"status": "closed"}, if_match="*"))
    return {}


async def leaving(api: Api, world: World) -> Mapping[str, str]:
    """A program that leaves."""
    await closed(api, world)
    path = f"/api/gateway/v1/programs/{world.program}:delete"
    ok(await api.caller(world.program).post(path, BODIES["programs.leave"]))
    return {}


async def draft(api: Api, world: World) -> Mapping[str, str]:
    """Settings that can be published."""
    path = f"{prefix(api)}/v1/settings/{world.ids['document']}"
    body: Mapping[str, Any] = {} if api.service != "points" else POINTS
    ok(await api.caller(world.program).send("PUT", path, body, if_match="*"))
    return {}


def prefix(api: Api) -> str:
    """Before the paths of a service."""
    return "/api/gateway" if api.service == "gateway" else ""


async def parked(api: Api, world: World) -> Mapping[str, str]:
    """The program is set aside."""
    async with transaction(api.app.state.database) as tx:
        row = await tx.fetch_one(
            "select program_id from program where public_id = $1", uuid_of(world.program)
        )
        assert row is not None
        await park(tx, [(row["program_id"], "storefront")])
    return {"topic": "storefront"}


async def halted(api: Api, _world: World) -> Mapping[str, str]:
    """A partition stands still."""
    await api.site.execute(
        f"""
        insert into {api.service}.consumer_offset (topic, partition, epoch, claim_id, worker,
          first_offset, next_offset, last_digest, state, halt_reason)
        values ('storefront', 9, 1, gen_random_uuid(), '', 0, 0, 'x', 1, 'quarantine-limit')
        on conflict (topic, partition) do update set state = 1, halt_reason = 'quarantine-limit'
        """
    )
    return {"topic": "storefront", "partition": "9"}


async def pulled(api: Api, world: World) -> Mapping[str, str]:
    """A connection whose platform is asked."""
    staff, path = api.caller(world.program), "/api/gateway/v1/connections"
    body = {"store_id": world.ids["store_id"], "source": "youzan", "secret": "cid:csecret"}
    made = ok(await staff.post(path, body), 201)["connection_id"]
    given = {"values": BODIES["credentials.put"]["values"]}
    ok(await staff.send("PUT", f"{path}/{made}/credentials", given))
    return {"connection_id": made}


async def disabled(api: Api, world: World) -> Mapping[str, str]:
    """An endpoint that is disabled."""
    path = f"/api/gateway/v1/endpoints/{world.ids['endpoint_id']}:disable"
    ok(await api.caller(world.program).post(path))
    return {}


async def delivered(api: Api, world: World) -> Mapping[str, str]:
    """A message that was delivered."""
    found = uuid_of(world.ids["message_id"])
    await api.site.execute("update gateway.message set state = 1 where message_id = $1", found)
    return {}


async def rotated(api: Api, world: World) -> Mapping[str, str]:
    """An endpoint's secret that is not the only one."""
    path = f"/api/gateway/v1/endpoints/{world.ids['endpoint_id']}/secrets"
    staff = api.caller(world.program)
    (older,) = ok(await staff.get(path))["items"]
    ok(await staff.post(path), 201)
    return {"secret_id": older["secret_id"]}


async def a_customer(api: Api, world: World) -> Mapping[str, str]:
    """Somebody who may join."""
    async with telling(api, world.program) as told:
        await told.apply(a_check_in(world.program, buyer=customer(7)))
    return {"customer_id": customer(7)}


async def a_draft(api: Api, world: World) -> Mapping[str, str]:
    """A campaign that is not confirmed."""
    staff = api.caller(world.program)
    made = ok(await staff.post("/v1/campaigns", BODIES["campaigns.create"], key="draft"), 201)
    return {"campaign_id": made["campaign_id"]}


async def unlinked(api: Api, world: World) -> Mapping[str, str]:
    """A customer who is nobody's any more."""
    path = f"/v1/customers/{world.ids['customer_id']}/link"
    given = {"json": BODIES["customers.unlink"], "headers": {"idempotency-key": "unlink"}}
    ok(await api.caller(world.program).ask("DELETE", path, **given))
    return {}


async def wanted_no_more(api: Api, world: World) -> Mapping[str, str]:
    """A member whose erasure was taken back."""
    path = f"/v1/members/{world.ids['member_id']}/erasures/{world.ids['erasure_id']}"
    given = {"headers": {"idempotency-key": "back"}}
    ok(await api.caller(world.program).ask("DELETE", path, **given))
    return {}


async def switched_on(api: Api, world: World) -> Mapping[str, str]:
    """A tab that is on, as it may have been before."""
    answer = await api.caller(world.program).post("/api/gateway/v1/tab:submit")
    assert answer.status_code in {200, 409}
    return {}


PREPARE: Final[Mapping[str, Prepare]] = {
    "settings.publish": draft,
    "parked-programs.resume": parked,
    "halts.resume": halted,
    "connections.reconcile": pulled,
    "credentials.put": pulled,
    "endpoints.enable": disabled,
    "messages.replay": delivered,
    "endpoint-secrets.end": rotated,
    "applications.create": a_customer,
    "campaigns.save": a_draft,
    "customers.link": unlinked,
    "erasures.create": wanted_no_more,
    "tab.withdraw": switched_on,
    "programs.leave": closed,
    "programs.restore": leaving,
}
"""What must be there before a route does anything."""


def body_of(place: Place, ids: Mapping[str, str]) -> Any:
    """A good body for a route."""
    own: dict[str, Any] = {
        "connections.create": {"store_id": ids.get("store_id"), "name": "Shop"},
        "customers.link": {"member_id": ids.get("member_id"), "reason": "the same person"},
        "applications.create": {
            "route": "open", "customer_id": ids.get("customer_id"), "store_id": STORE,
        },
        "coupons.issue": {
            "member_id": ids.get("member_id"), "template_id": ids.get("template_id"),
        },
        "halts.resume": {"because": "mended", "accept": 1},
        "dead-letters.requeue-all": {"class": "failed"},
        "replays.create": {},
        "staff.create": {
            "email": "wang@shop.example", "name": "Wang Fang",
            "roles": [{"program_id": ids.get("program_id"), "role": "analyst"}],
        },
        "trainings.create": BODIES["trainings.create"] | {"staff_id": ids.get("staff_id")},
        "settings.put": POINTS if ids.get("document") == "points" else {},
    }  # fmt: skip
    return own.get(place.name, BODIES.get(place.name))


async def done(api: Api, place: Place) -> list[dict[str, Any]]:
    """Entries that a request of a route leaves, which took effect in a world of its own."""
    world = await a_world(api)
    prepare = PREPARE.get(place.name)
    ids = {**world.ids, **(await prepare(api, world) if prepare else {})}
    everywhere = place.name in {"halts.resume", "programs.create"}
    caller = api.caller(None if everywhere else world.program)
    body, sql = body_of(place, ids), f"select * from {api.service}.audit_entry"
    before = {row["entry_id"] for row in await api.site.query(sql)}
    with api.at(AT) if place.name == "coupons.revoke" else nullcontext():
        answer = await caller.ask(
            place.method,
            place.at(ids),
            headers={"if-match": "*", "idempotency-key": f"k-{place.name}"},
            **({} if body is None else {"json": body}),
        )
    assert answer.status_code < 300, (place, answer.text)
    return [row for row in await api.site.query(sql) if row["entry_id"] not in before]


async def test_every_route_that_writes_leaves_an_entry_of_who_did_what(api: Api) -> None:
    """One entry each, under the route's name; those that leave none are named with the reason."""
    asked = [
        place
        for place in places(api)
        if (place.method != "GET" and place.name not in ASKING) or place.name in SHOWING
        if place.name not in EXEMPT and not place.name.startswith("me.")
    ]
    assert len(asked) >= 7
    assert api.service != "gateway" or EXEMPT.keys() <= {place.name for place in places(api)}
    for place in asked:
        found = await done(api, place)
        assert [row["action"] for row in found] == [DEEDS.get(place.name, place.name)], place
        assert worded(found[0]["action"]), place
        assert (found[0]["actor_kind"], found[0]["actor_id"]) == ("key", SUBJECT), place
        assert found[0]["target"], place
        assert found[0]["request_id"], place


async def test_a_repeated_command_is_one_deed(members: Api) -> None:
    program = await an_empty_program(members)
    async with telling(members, program) as told:
        await told.settings("join", {"routes": [{"route": "open"}]})
        await told.apply(a_check_in(program, buyer=customer(1)))
    body = {"route": "open", "customer_id": customer(1), "store_id": STORE}
    for _ in range(2):
        ok(await members.caller(program).post("/v1/applications", body, key="k"), 201)
    refused = await members.caller(program).post("/v1/applications", body, key="k-2")
    problem(refused, 409, "already-member")
    (entry,) = await entries(members, program)
    assert (entry["action"], entry["target"]) == ("applications.create", customer(1))


async def test_a_denial_says_who_was_denied_what(api: Api) -> None:
    """The program's own key, for what its permissions do not hold."""
    program = await an_empty_program(api)
    place = next(each for each in guarded(api) if each.name == "audit.list")
    key = text_id("key", random_id())  # of its own: no other test's denials count
    token = api.site.minter.mint(api.service, key, program, ["nothing.read"])
    problem(await api.bearing(token).get(place.path), 403, "forbidden")
    denied = (await entries(api, program))[-1]
    assert (denied["action"], denied["target"]) == ("access.deny", f"GET {place.path}")
    assert (denied["actor_kind"], denied["actor_id"]) == ("key", key)
    assert denied["reason"] == "This needs the permission audit.read."


async def test_a_flood_of_denials_does_not_fill_the_audit(points: Api) -> None:
    program = await an_empty_program(points)
    token = points.site.minter.mint("points", text_id("key", uuid_of(program)), program, ["a.b"])
    caller = points.bearing(token)
    for _ in range(denying.MOST + 10):
        problem(await caller.get("/v1/audit"), 403, "forbidden")
    denied = await entries(points, program, "access.deny")
    assert len(denied) == denying.MOST


async def test_a_key_that_is_not_taken_is_on_record_without_its_text(shop: Shop) -> None:
    """Unknown, revoked, and from another network; the text is nowhere."""
    gateway, path = shop.api, "/api/gateway/v1/api-keys"
    staff = gateway.caller(shop.program)
    wanted = {"name": "Till", "permissions": ["keys.manage"]}
    revoked = ok(await staff.post(path, wanted), 201)
    away = ok(await staff.post(path, wanted | {"cidrs": ["198.51.100.0/24"]}), 201)
    assert (await staff.send("DELETE", f"{path}/{revoked['key_id']}")).status_code == 204
    unknown = f"sk_{'x' * 51}"
    before = {row["entry_id"] for row in await entries(gateway, None)}
    there = shop.connection  # an address where nobody else has tried keys
    for text in (revoked["key"], away["key"], unknown):
        problem(await gateway.bearing(text).at(there).get(path), 401, "unauthenticated")
    refused = [
        (row["actor_id"], row["reason"])
        for row in await entries(gateway, shop.program, "keys.refuse")
    ]
    assert refused == [
        (revoked["key_id"], "key-revoked"), (away["key_id"], "address-not-allowed"),
    ]  # fmt: skip
    others = [row for row in await entries(gateway, None) if row["entry_id"] not in before]
    assert [(row["actor_id"], row["reason"]) for row in others] == [("unknown", "key-unknown")]
    rows = await gateway.site.query("select audit_entry::text as row from gateway.audit_entry")
    told = "".join(row["row"] for row in rows)
    for text in (revoked["key"], away["key"], unknown):
        assert text not in told
        assert text[3:] not in told


async def test_from_where_a_caller_came_is_the_gateways_word_alone(
    gateway: Api, points: Api
) -> None:
    """Of an address its network is kept. What a caller of the gateway says of his is not heard."""
    program = await an_empty_program(gateway)
    token = gateway.site.minter.mint("gateway", SUBJECT, program)
    lying = gateway.bearing(token, **{ADDRESS_HEADER: "203.0.113.77"})
    body = {"kind": "generic", "name": "Shop"}
    ok(await lying.post("/api/gateway/v1/stores", body), 201)
    (entry,) = await entries(gateway, program, "stores.create")
    assert entry["ip_prefix"] == "127.0.0.0/24"
    program = await an_empty_program(points)
    token = points.site.minter.mint("points", SUBJECT, program)
    passed = points.bearing(token, **{ADDRESS_HEADER: "203.0.113.77"})
    ok(await passed.send("PUT", "/v1/settings/points", POINTS, if_match="*"))
    (entry,) = await entries(points, program)
    assert entry["ip_prefix"] == "203.0.113.0/24"


async def test_equal_values_have_equal_hashes_that_nobody_can_try_out(shop: Shop) -> None:
    """The hash is keyed: without the key file it says nothing about what was set."""
    staff, path = shop.api.caller(shop.program), f"/api/gateway/v1/stores/{shop.store}"
    for name in ("One", "Two", "One"):
        ok(await staff.send("PATCH", path, {"name": name}, if_match="*"))
    rows = [
        row for row in await entries(shop.api, shop.program) if row["action"] == "stores.change"
    ]
    one, two, again = [row["values_hmac"] for row in rows]
    assert one == again != two
    assert {tuple(row["fields"]) for row in rows} == {("name",)}


def listed(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was done, in the order told."""
    return [item["action"] for item in items]


async def test_the_audit_is_listed_newest_first_and_filtered(shop: Shop) -> None:
    gateway, staff = shop.api, shop.api.caller(shop.program)
    path = "/api/gateway/v1/audit"
    all_of_it = ok(await staff.get(path))["items"]
    assert listed(all_of_it) == ["connections.create", "stores.create", "programs.create"]
    assert all_of_it[0]["program_id"] == shop.program
    for name, value, found in (
        ("actor", SUBJECT, 3),
        ("actor", "stf_other", 0),
        ("action", "stores.create", 1),
        ("target", shop.connection, 1),
        ("from", all_of_it[1]["at"], 2),
        ("until", all_of_it[0]["at"], 2),
    ):
        assert len(ok(await staff.get(path, **{name: value}))["items"]) == found, (name, value)
    assert listed(await staff.walk(path, 1)) == listed(all_of_it)
    stranger = gateway.caller(await an_empty_program(gateway))
    assert listed(ok(await stranger.get(path))["items"]) == ["programs.create"]


async def test_the_audit_is_not_told_to_branches_nor_without_permission(api: Api) -> None:
    program = await an_empty_program(api)
    path = f"{prefix(api)}/v1/audit"
    branch = api.caller(program, stores=("sto_agojyzjeabykvaaaaaaaaaaaai",))
    problem(await branch.get(path), 403, "forbidden")
    problem(await api.caller(program, "programs.read").get(path), 403, "forbidden")


async def test_ten_at_once_each_leave_their_entry(shop: Shop) -> None:
    staff, path = shop.api.caller(shop.program), f"/api/gateway/v1/stores/{shop.store}"
    names = [f"Shop {number}" for number in range(10)]
    answers = await asyncio.gather(
        *(staff.send("PATCH", path, {"name": name}, if_match="*") for name in names)
    )
    assert {answer.status_code for answer in answers} == {200}
    rows = [
        row for row in await entries(shop.api, shop.program) if row["action"] == "stores.change"
    ]
    assert len(rows) == 10
