"""The worked example told to a running box, and what the box then holds, by the document's names.

The files in `story/` are the document's facts. A program of other ids is told the same story; its
ids are replaced by the document's, so that both are compared with the same files.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from services.analytics.model import OrderStatus, RefundKind
from services.campaigns.coupons.model import CouponState
from services.campaigns.seeding import seed_campaign
from services.gateway import store as gateway_store
from services.gateway.connections import IDENTITY_PURPOSE, SECRET_PURPOSE
from services.gateway.keys import digest
from services.gateway.model import WEBHOOK
from services.gateway.programs.managing import Programs
from services.gateway.programs.schemas import NewProgram, NewStore
from services.members.settings import JoinSettings
from services.members.tiers.settings import Ladder
from services.points.model import (
    EntryKind,
    LotState,
    PurchaseStatus,
    RefundState,
    Rule,
    SourceKind,
    entry_id,
    lot_id,
)
from services.points.settings import PointsSettings
from shared.clock import system
from shared.days import render
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import statements, transaction
from shared.ids import derive, event_id, from_hash, parse_id, text_id, time_of, uuid_of
from shared.random_ids import uuid7
from shared.sealing import KeyRing, blind_index
from shared.stream.port import Record
from shuke.checking import Look
from shuke.demo.programme import publish
from tests.builders.actors import an_actor
from tests.builders.events import instant
from tests.e2e.stack import Stack

FOLDER: Final = Path(__file__).with_name("story")
IDENTITY_KEY: Final = bytes(range(32))
INDEX_ROOT: Final = bytes(range(0x20, 0x40))
TOKEN_SEED: Final = bytes(range(0x40, 0x60))
SECRET: Final = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEY: Final = "sk_demo0001AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
READ: Final = [f"{name}.read" for name in ("members", "points", "campaigns", "analytics")]
KNOWN_SECONDS: Final = 30.0
_MODELS: Final = (
    ("members", "join", JoinSettings),
    ("members", "ladder/main", Ladder),
    ("points", "points", PointsSettings),
)
_CODES: Final[Mapping[str, type[IntEnum]]] = {
    "entry.kind": EntryKind,
    "entry.source_kind": SourceKind,
    "purchase.status": PurchaseStatus,
    "refund.state": RefundState,
    "lot.state": LotState,
    "activity_fact.rule": Rule,
    "coupon.state": CouponState,
    "coupon_history.state": CouponState,
    "fact_order.status": OrderStatus,
    "fact_refund.kind": RefundKind,
    "fact_points.kind": EntryKind,
    "fact_points.source_kind": SourceKind,
}
"""Columns that hold a code, told by its word."""
_LEFT_OUT: Final = ("program_id", "posted_at", "recorded_at", "activity_id")
"""The number that leads every key, the wall clock, and an id that the document does not tell."""


def read(name: str) -> Any:
    """A file of the story."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


IDS: Final[Mapping[str, str]] = read("ids")


def keys(folder: Path) -> None:
    """The key files of the story, where a box that starts finds them."""
    folder.mkdir(mode=0o700, parents=True)
    for name, content in (("index.v1.key", INDEX_ROOT), ("gateway.ed25519.key", TOKEN_SEED)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)


def raw(body: Any) -> bytes:
    """A body without white space outside strings."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class Told(Struct, frozen=True):
    """A program that the story is told to: its ids by the document's names, its API key."""

    ids: Mapping[str, str]
    key: str

    @property
    def program(self) -> str:
        """Text id of the program."""
        return self.ids["P"]

    async def tell(self, stack: Stack, what: str, delivery: str) -> tuple[int, Any]:
        """Send a delivery of the story; the answer's status and body."""
        body = raw(read("deliveries")[what])
        tail = "/bulk" if what == "K and B" else ""
        answer = await stack.deliver(self.ids["WHK"], SECRET, delivery, body, tail)
        return answer.status_code, answer.json()

    async def ask(self, stack: Stack, path: str) -> Any:
        """An answer of the gateway in the document's ids; `{MEM}` in a path is this program's."""
        answer = await stack.get(path.format_map(self.ids), self.key)
        return self.translated(answer.json())

    async def records(self, look: Look, topic: str) -> list[Record]:
        """This program's records of a topic, by partition in order of arrival."""
        assert look.stream is not None
        subscription = await look.stream.subscribe(None, [topic], "", lambda: None)
        found: list[Record] = []
        try:
            for partition in subscription.assigned():
                subscription.seek(partition, 0)
            ends = await subscription.end_of(subscription.assigned())
            while len(found) < sum(ends.values()):
                found += await subscription.poll(1_000, 5_000)
        finally:
            await subscription.close(2.0)
        return [record for record in found if record.key.startswith(self.program)]

    async def rows(self, look: Look, place: str) -> list[dict[str, Any]]:
        """This program's rows of `service.table`, ids by their names, in the order of the text."""
        service, _, table = place.partition(".")
        async with statements(look.databases[service]) as tx:
            number = (await programs.load(tx))[self.program].id
            found = await tx.fetch(f"select * from {table} where program_id = $1", number)
        names: dict[Any, str] = {text: name for name, text in self.ids.items()}
        names |= {uuid_in(text): name for name, text in self.ids.items() if name != "HASH"}
        rows = [
            {
                column: self._shown(f"{table}.{column}", value, names)
                for column, value in dict(row).items()
                if column not in _LEFT_OUT and (type(value) is not bytes or table == "purchase")
            }
            for row in found
        ]
        return sorted(rows, key=raw)

    def _shown(self, column: str, value: Any, names: Mapping[Any, str]) -> Any:
        """A value as the story's files write it."""
        if isinstance(value, bytes):
            return self.translated(json.loads(value))
        if isinstance(value, datetime):
            return render(value)
        if isinstance(value, date):
            return value.isoformat()
        if column in _CODES:
            return _CODES[column](value).name.lower().replace("_", "-")
        return names.get(value, value)

    def translated(self, value: Any) -> Any:
        """A JSON value with this program's ids replaced by the document's."""
        text = json.dumps(value)
        for name, own in self.ids.items():
            text = text.replace(own, IDS[name])
            if own.startswith("rfd_"):  # purchases note what changed them by uuid
                text = text.replace(str(uuid_in(own)), str(uuid_in(IDS[name])))
        return json.loads(text)


def document() -> Told:
    """The program of the document."""
    return Told(IDS, KEY)


def another() -> Told:
    """A program with ids of its own."""
    now = system()
    program, shop = text_id("prg", uuid7(now)), text_id("sto", uuid7(now))
    return Told(
        named(program, shop, whk=text_id("whk", uuid7(now)), key=text_id("key", uuid7(now))),
        KEY.replace("demo0001", "demo0002"),
    )


def named(program: str, shop: str, *, whk: str, key: str) -> dict[str, str]:
    """All ids of the story in a program and store, by the document's names."""
    buyer = f"buyer\0{shop}\0u-1001".encode()
    customer = text_id("cus", from_hash(hmac.digest(IDENTITY_KEY, buyer, hashlib.sha256)))
    member = text_id("mem", derive("member", program, "customer", customer, "0"))
    order = {n: text_id("ord", derive(program, shop, no)) for n, no in _NUMBERS.items()}
    refund = text_id("rfd", derive(program, shop, "RA-1"))
    check_in = text_id("src", derive("check-in", program, member, "2026-03-02"))
    template, campaign = IDS["CPT"], IDS["CMP"]
    coupon = derive("coupon", program, template, "new-member-gift", member, "1")
    ids = {"P": program, "S": shop, "CUS": customer, "MEM": member, **order, "R": refund}
    ids |= {"K": check_in, "WHK": whk, "KEY": key, "CPT": template, "CMP": campaign}
    ids |= {"CP": text_id("cpn", coupon), "HASH": _phone(program)}
    for letter, (kind, of) in _SOURCES.items():
        source = ids[letter]
        ids[f"L{letter}"] = text_id("lot", lot_id(program, 1, kind, source))
        ids[f"E{letter}"] = entry_id(uuid_of(source), kind, of)
    ids["ER"] = entry_id(uuid_of(refund), SourceKind.REFUND, EntryKind.CLAW_BACK)
    return ids | {name: _event(name, ids) for name in IDS if "-" in IDS[name]}


async def begin(stack: Stack, told: Told) -> None:
    """Make the program as the gateway makes it, with ids that are known beforehand."""
    ring = KeyRing.open(stack.config.keys_dir)
    url = stack.config.database_url_of("gateway")
    async with Database("gateway", url, worker=False, size=1) as database:
        await _make(database, ring, told)
    async with stack.operator() as operator:
        for service, name, model in _MODELS:
            settings = model.model_validate(read("settings")[name])
            await publish(operator, told.program, f"/{service}/v1/settings/{name}", settings)
    async with stack.look() as look:
        campaigns = look.databases["campaigns"]
        async with asyncio.timeout(KNOWN_SECONDS), statements(campaigns) as tx:
            while told.program not in await programs.load(tx):
                await asyncio.sleep(0.05)
        await seed_campaign(
            campaigns,
            told.program,
            read("settings")["campaign"],
            instant("2026-01-01"),
            instant("2027-01-01"),
            campaign_id=told.ids["CMP"],
            template_ids=[told.ids["CPT"]],
        )


async def _make(database: Database, ring: KeyRing, told: Told) -> None:
    """Program, store, connection, secret and key; only their ids and secrets are not drawn."""
    now, managing, program = system(), Programs(database, ring), told.program
    by = an_actor(now)
    wanted = NewProgram(name="Demo", time_zone="Asia/Shanghai", currency="CNY")
    await managing.add_program(wanted, by, parse_id("prg", program))
    shop, connection = parse_id("sto", told.ids["S"]), parse_id("whk", told.ids["WHK"])
    await managing.add_store(program, NewStore(kind="generic", name="Shop"), by, shop)
    async with transaction(database) as tx:
        row = await gateway_store.find_program(tx, uuid_of(program))
        assert row is not None
        number = row["program_id"]
        sealed = ring.seal(IDENTITY_PURPOSE, program, IDENTITY_KEY)
        await tx.execute(
            "update program_key set identity_key = $2 where program_id = $1", number, sealed
        )
        await gateway_store.add_connection(
            tx, number, connection, shop, "generic", "active", "", "live", now
        )
        secret = ring.seal(SECRET_PURPOSE, told.ids["WHK"], SECRET.encode())
        await gateway_store.add_secret(tx, number, connection, uuid7(now), WEBHOOK, secret, now)
        key = gateway_store.NewApiKey(
            parse_id("key", told.ids["KEY"]),
            "story",
            digest(told.key),
            READ,
            ["*"],
            [],
            now + timedelta(days=1),
            "operator",
        )
        await gateway_store.add_key(tx, number, key, now)


_NUMBERS: Final = {"A": "A-1001", "B": "B-1002", "C": "C-1003"}
_SOURCES: Final = {
    "A": (SourceKind.ORDER, EntryKind.EARN),
    "K": (SourceKind.CHECK_IN, EntryKind.ACTIVITY),
    "B": (SourceKind.ORDER, EntryKind.EARN),
    "C": (SourceKind.ORDER, EntryKind.EARN),
}
_EVENTS: Final[Mapping[str, tuple[str, str, str, str, int]]] = {
    "event A": ("gateway", "order-completed", "order", "{A}", 0),
    "event K": ("gateway", "check-in", "customer-day", "{CUS}/2026-03-02", 0),
    "event B": ("gateway", "order-completed", "order", "{B}", 0),
    "event C": ("gateway", "order-completed", "order", "{C}", 0),
    "event R": ("gateway", "refund", "refund", "{R}", 0),
    "joined": ("members", "member-joined", "member", "{MEM}", 0),
    "linked": ("members", "customer-linked", "link", "{CUS}/{MEM}", 1),
    "tier 1": ("members", "tier-changed", "ladder", "{MEM}/main", 1),
    "tier 2": ("members", "tier-changed", "ladder", "{MEM}/main", 2),
    "tier 3": ("members", "tier-changed", "ladder", "{MEM}/main", 3),
    "posted EA": ("points", "points-changed", "entry", "{EA}", 0),
    "posted EK": ("points", "points-changed", "entry", "{EK}", 0),
    "posted EB": ("points", "points-changed", "entry", "{EB}", 0),
    "posted EC": ("points", "points-changed", "entry", "{EC}", 0),
    "posted ER": ("points", "points-changed", "entry", "{ER}", 0),
    "issued CP": ("campaigns", "coupon-issued", "coupon", "{CP}", 0),
}
"""What each event's id is made from: producer, type, kind and id of the cause, ordinal."""


def _event(name: str, ids: Mapping[str, str]) -> str:
    """Id of an event in another program: its time is that of the document's."""
    service, kind, cause, template, ordinal = _EVENTS[name]
    at = time_of(UUID(IDS[name]))
    return str(event_id(at, ids["P"], service, kind, cause, template.format_map(ids), ordinal))


def _phone(program: str) -> str:
    return blind_index(INDEX_ROOT, program, "phone", "+8613800138000")


def uuid_in(text: str) -> UUID:
    """The uuid of an id; an entry's as analytics keys it."""
    if text.startswith("ent_"):
        return UUID(bytes=hashlib.sha256(text.encode()).digest()[:16])
    return UUID(text) if "-" in text else uuid_of(text)
