"""A program with something of everything in a service, and what its things are called.

A world's `ids` fill the parameters of the service's routes by their names.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct

from services.gateway.shoppers.schemas import ByToken
from services.gateway.visiting import Visit
from services.members import sweeps
from services.members.store import ERASE
from services.members.tiers.settings import five_tiers
from shared.clock import system
from shared.db import quarantine
from shared.db.programs import apply_stores
from shared.db.transaction import transaction
from shared.events.programs.store_changed import StoreChanged
from shared.flow import Due
from shared.ids import derive, text_id, uuid_of
from shared.random_ids import random_id
from shuke.services import SERVICES
from tests.api.harness import Api, Shop, ok, open_shop
from tests.builders.deliveries import a_check_in_sent
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change, member
from tests.builders.promises import a_gift, a_template, seeded
from tests.builders.shoppers import a_token
from tests.builders.storefront import (
    AT,
    STORE,
    a_check_in,
    a_refund,
    an_order,
    customer,
    order_id,
)
from tests.flow.harness import Harness, harness

JOIN: Final = {"routes": [{"route": "auto-first-order"}, {"route": "open"}]}
LADDER: Final = five_tiers().model_dump(mode="json")
POINTS: Final = {"validity": "never"}

CAMPAIGN: Final[Any] = {
    "starts_at": "2027-03-01T00:00:00Z",
    "ends_at": "2028-03-01T00:00:00Z",
    "campaign": {
        "kind": "new-member-gift",
        "name": "Welcome",
        "coupons": [
            {
                "template": "Ten off",
                "kind": "amount",
                "face_minor": 1000,
                "validity": {"lasts_days": 10},
            }
        ],
    },
}
A_STAFF: Final = text_id("stf", derive("staff"))
"""Somebody who works nowhere."""
BODIES: Final[Mapping[str, Any]] = {
    "roles.create": {"name": "Shift leader", "permissions": ["members.read"]},
    "roles.change": {"name": "Till"},
    "positions.create": {"title": "designer"},
    "positions.change": {"title": "editor"},
    "trainings.create": {"staff_id": A_STAFF, "topic": "Refunds", "due_on": "2027-03-31"},
    "trainings.change": {"topic": "Refunds, whole and in part"},
    "erasures.propose": {"requested_by": "member", "reason": "asked by e-mail"},
    "programs.create": {"name": "Demo", "time_zone": "Asia/Shanghai", "currency": "CNY"},
    "stores.create": {
        "kind": "branch",
        "name": "B",
        "links": [{"name": "a", "url": "https://a.b"}],
    },
    "connections.create": {"store_id": STORE, "name": "Shop"},
    "keys.create": {"name": "Till", "permissions": ["points.read"]},
    "secrets.create": {},
    "members.find": {"kind": "phone", "hash": "v1.x5nYmHlL0GvXyqRr2m0yqkYd7cZ2QZ5V7lPjzqkq3mE"},
    "members.at-counter": {
        "kind": "phone",
        "hash": "v1.x5nYmHlL0GvXyqRr2m0yqkYd7cZ2QZ5V7lPjzqkq3mE",
    },
    "contacts.find": {"phone": "+8613800138000"},
    "counter.lookup": {"phone": "+8613800138000"},
    "balances.of": {"member_ids": [member()]},
    "subjects.of": {"member_ids": [member()]},
    "applications.create": {"route": "open", "customer_id": customer(), "store_id": STORE},
    "coupons.issue": {"member_id": member(), "template_id": text_id("cpt", derive("template"))},
    "programs.change": {"name": "Another"},
    "programs.leave": {"name": "Demo", "reason": "we move on"},
    "stores.change": {"name": "Another"},
    "secrets.end": {},
    "connections.change": {"name": "Another"},
    "credentials.put": {
        "values": {"client_id": "cid", "client_secret": "csecret", "grant_id": "110"}
    },
    "endpoints.create": {"url": "https://hooks.example/"},
    "endpoints.change": {"name": "Till"},
    "endpoints.replay": {"since": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z"},
    "endpoint-secrets.end": {},
    "customers.link": {"member_id": "mem_v6exiz6pzobhrhkmmurlr3jugy", "reason": "the same person"},
    "members.home-branch": {"store_id": STORE, "reason": "moved house"},
    "customers.unlink": {"reason": "another person"},
    "members.reveal": {"fields": ["phone"], "reason": "a lost parcel"},
    "erasures.create": {"requested_by": "member", "reason": "asked by e-mail"},
    "campaigns.create": CAMPAIGN,
    "campaigns.save": CAMPAIGN,
    "campaigns.stop": {"reason": "sold out"},
    "coupons.revoke": {"reason": "sold out"},
    "replays.create": {},
    "dead-letters.requeue-all": {"class": "failed"},
    "dead-letters.discard": {"reason": "sent twice"},
    "parked-programs.resume": {"because": "mended"},
    "settings.put": {},
    "staff.create": {
        "email": "li@shop.example",
        "name": "Li Wei",
        "roles": [{"program_id": None, "role": "analyst"}],
    },
    "staff.change": {"name": "Another"},
    "owners.create": {
        "token": "A" * 43,
        "email": "li@shop.example",
        "password": "correct horse battery",
        "name": "Li Wei",
    },
    "sessions.create": {"email": "li@shop.example", "password": "correct horse battery"},
    "invitations.accept": {"token": "A" * 43, "password": "correct horse battery"},
    "step-ups.create": {"code": "123456"},
    "mfa-enrolments.confirm": {"code": "123456"},
    "member-codes.create": {"program_id": "prg_agojyzjeabykvaaaaaaaaaaaay", "phone": "13800138000"},
    "member-sessions.create": {
        "program_id": "prg_agojyzjeabykvaaaaaaaaaaaay",
        "phone": "13800138000",
        "code": "123456",
    },
    "member-sessions.join": {"terms": "1", "accepted": True},
    "member-sessions.access-export": {"phone": "13800138000", "code": "123456"},
    "member-sessions.consent": {"consents": {"profiling": "granted"}},
    "member-sessions.erase": {"phone": "13800138000", "code": "123456"},
    "access-exports.create": {"reason": "asked by e-mail"},
    "access-files.put": {"content": "UEsFBg==", "expires_at": "2027-03-08T02:00:00Z"},
    "consents.record": {
        "statements": [{"purpose": "profiling", "state": "granted", "channel": "counter"}]
    },
    "contacts.resolve": {
        "member_ids": ["mem_v6exiz6pzobhrhkmmurlr3jugy"],
        "channel": "sms",
        "purpose": "marketing-sms",
    },
    "me.consent": {"consents": {"profiling": "granted"}},
    "me.identify": {},
    "me.join": {"route": "open", "store_id": STORE, "terms": "1"},
    "me.erase": {"reason": "asked by the member", "phone": "v1.AAAAAAAAAAAA"},
    "passwords.change": {"old": "correct horse battery", "new": "another horse battery"},
}
"""Bodies that are good, by the route's name: they get as far as the ids in them."""


class World(Struct, frozen=True):
    """A program in one service."""

    program: str
    ids: Mapping[str, str]
    shopper: str = ""
    """At the gateway, the token in the cookie of somebody who came there."""


@asynccontextmanager
async def telling(api: Api, program: str | None = None) -> AsyncIterator[Harness]:
    """A program of its own in a service, with a store, to which events are told."""
    assert api.site.config.database_url is not None
    service = SERVICES[api.service]
    async with harness(service, api.site.config.database_url, program=program) as told:
        store = StoreChanged(
            store_id=STORE, kind="generic", name="Shop", region="CN", status="open", version=1
        )
        async with transaction(told.database) as tx:
            await apply_stores(tx, [(told.program.id, store)])
        yield told


async def forgotten(api: Api, told: Harness, member_id: str) -> None:
    """A member is erased: asked for, and carried out when its 72 hours are over."""
    path = f"/v1/members/{member_id}/erasures"
    body = {"requested_by": "member", "reason": "asked by e-mail"}
    made = ok(await api.caller(told.program.text_id).post(path, body, key="forgotten"), 201)
    at = instant(made["due_at"]) + timedelta(hours=1)
    due = Due(told.program.text_id, ERASE, str(at.date()), at, None)
    async with transaction(told.database) as tx:
        dues = await sweeps.due_erasures(tx, told.program, due, None, 500)
    await told.apply(*dues)


async def set_aside(
    api: Api, program: str, *numbers: int, klass: str = "failed", raw: bytes = b"{}"
) -> list[str]:
    """Records of a program that were set aside, by numbers of this program alone; their ids."""
    made = []
    for number in numbers:
        identity = derive("quarantine", api.service, program, str(number))
        sealed = api.site.keys.seal(quarantine.PURPOSE, str(identity), raw)
        offset = uuid_of(program).int % 2**40 * 1_000 + number
        made.append(
            quarantine.Quarantined(
                identity, "storefront", 0, offset, program, None, klass, "no good", sealed
            )
        )
    async with transaction(api.app.state.database) as tx:
        await quarantine.add(tx, made)
    return [text_id("qrt", each.quarantine_id) for each in made]


async def _gateway(api: Api) -> World:
    shop = await open_shop(api)
    staff = api.caller(shop.program)
    key = {"name": "Till", "permissions": ["points.read"]}
    made = ok(await staff.post("/api/gateway/v1/api-keys", key), 201)
    secrets = f"/api/gateway/v1/connections/{shop.connection}/secrets"
    (secret,) = ok(await staff.get(secrets))["items"]
    # A failed delivery is recorded before its answer.
    await shop.send(a_check_in_sent() | {"more": 1})
    (delivery,) = ok(await staff.get("/api/gateway/v1/deliveries"))["items"]
    replay = ok(await staff.post("/api/gateway/v1/replays", {}), 202)
    endpoint = {"url": "https://hooks.example/"}
    endpoint = ok(await staff.post("/api/gateway/v1/endpoints", endpoint), 201)
    path = f"/api/gateway/v1/endpoints/{endpoint['endpoint_id']}:test"
    message = ok(await staff.post(path), 202)
    person = {
        "email": f"{random_id().hex}@shop.example",
        "name": "Li Wei",
        "roles": [{"program_id": shop.program, "role": "analyst"}],
    }
    person = ok(await staff.post("/api/gateway/v1/staff", person), 201)
    path = f"/api/gateway/v1/members/{member()}/access-exports"
    export = ok(await staff.post(path, BODIES["access-exports.create"]), 202)
    role = {"name": "Helper", "permissions": ["members.read"]}
    role = ok(await staff.post("/api/gateway/v1/roles", role), 201)
    position = {"title": "service", "staff_id": person["staff_id"]}
    position = ok(await staff.post("/api/gateway/v1/positions", position), 201)
    training = BODIES["trainings.create"] | {"staff_id": person["staff_id"]}
    training = ok(await staff.post("/api/gateway/v1/trainings", training), 201)
    return World(
        shop.program,
        {
            "export_id": export["export_id"],
            "program_id": shop.program,
            "store_id": shop.store,
            "role_id": role["role"],
            "position_id": position["position_id"],
            "training_id": training["training_id"],
            "staff_id": person["staff_id"],
            "endpoint_id": endpoint["endpoint_id"],
            "message_id": message["message_id"],
            "connection": shop.connection,
            "connection_id": shop.connection,
            "secret_id": secret["secret_id"],
            "key_id": made["key_id"],
            "delivery_id": delivery["delivery_id"],
            "replay_id": replay["replay_id"],
            "document": f"connection/{shop.connection}",
            "move": "pause",
        },
        await _shopper(api, shop),
    )


async def _shopper(api: Api, shop: Shop) -> str:
    """A shopper who came by their shop: the token in their cookie."""
    path = f"/api/gateway/v1/connections/{shop.connection}/secrets"
    made = ok(await api.caller(shop.program).post(path, {"kind": "member"}), 201)
    word = a_token(shop.program, system(), iss=shop.connection, secret=made["secret"])
    token: str = await api.app.state.proving.by_token(
        ByToken(program_id=shop.program, token=word), Visit(system(), "203.0.113.7", "", "")
    )
    return token


async def _members(api: Api) -> World:
    async with telling(api) as told:
        program = told.program.text_id
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        await told.apply(an_order(program, amount_minor=88960))
    staff = api.caller(program)
    (found,) = ok(await staff.get("/v1/members"))["items"]
    path = f"/v1/members/{found['member_id']}/erasures"
    made = ok(await staff.post(path, BODIES["erasures.create"], key="world"), 201)
    export = text_id("axp", random_id())
    path = f"/v1/members/{found['member_id']}/access-files/{export}"
    kept = await staff.send("PUT", path, BODIES["access-files.put"])
    assert kept.status_code == 204
    return World(
        program,
        {
            "member_id": found["member_id"],
            "customer_id": customer(),
            "erasure_id": made["erasure_id"],
            "export_id": export,
            "document": "join",
        },
    )


async def _points(api: Api) -> World:
    async with telling(api) as told:
        program = told.program.text_id
        await told.settings("points", POINTS)
        await told.apply(
            an_order(program, amount_minor=88960),
            a_link(program),
            a_tier_change(program, [(AT, "ordinary")]),
            a_check_in(program, at=instant("2026-03-02 01:00")),
        )
        await told.apply(a_refund(program, lines=[("1", 1, 99999)], at=instant("2026-03-03 01:00")))
    entries = ok(await api.caller(program).get(f"/v1/members/{member()}/entries"))["items"]
    return World(
        program,
        {
            "member_id": member(),
            "entry_id": entries[-1]["entry_id"],
            "order_id": order_id(program, "A-1"),
            "document": "points",
        },
    )


async def _campaigns(api: Api) -> World:
    async with telling(api) as told:
        program = told.program.text_id
        made = await seeded(told, a_gift(a_template(stock=50)))
        await told.apply(an_order(program), a_joining(program), a_link(program))
    (coupon,) = ok(await api.caller(program).get(f"/v1/members/{member()}/coupons"))["items"]
    return World(
        program,
        {
            "campaign_id": made.campaign_id,
            "template_id": made.template_ids[0],
            "coupon_id": coupon["coupon_id"],
            "member_id": member(),
            "move": "pause",
        },
    )


async def _analytics(api: Api) -> World:
    async with telling(api) as told:
        program = told.program.text_id
        await told.apply(an_order(program), a_joining(program), a_link(program))
    return World(program, {"subject_id": member(), "document": "analytics"})


_MAKERS: Final[Mapping[str, Callable[[Api], Awaitable[World]]]] = {
    "gateway": _gateway,
    "members": _members,
    "points": _points,
    "campaigns": _campaigns,
    "analytics": _analytics,
}


async def a_world(api: Api) -> World:
    """A program with something of everything that the service has routes for."""
    world = await _MAKERS[api.service](api)
    (quarantine_id,) = await set_aside(api, world.program, 1)
    everywhere = {"quarantine_id": quarantine_id, "program_id": world.program}
    return World(world.program, {**everywhere, **world.ids}, world.shopper)


async def an_empty_program(api: Api) -> str:
    """A program that the service knows, with nothing in it."""
    if api.service == "gateway":
        body: dict[str, Any] = {"name": "B", "time_zone": "Asia/Shanghai", "currency": "CNY"}
        answer = await api.caller(None).post("/api/gateway/v1/programs", body)
        return str(ok(answer, 201)["program_id"])
    async with telling(api) as told:
        return told.program.text_id
