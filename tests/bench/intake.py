"""How many events a gateway takes: signed singly, and in bulk; durable when answered."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import asyncpg
from msgspec import Struct

from services.gateway.managing import Managing
from services.gateway.programs.managing import Programs
from services.gateway.programs.schemas import NewProgram, NewStore
from services.gateway.schemas import NewConnection
from services.gateway.standard_webhooks import sign
from shared.clock import system
from shared.db.engine import Database
from shared.ids import text_id, uuid_of
from shared.sealing import KeyRing
from tests.bench import workload
from tests.bench.client import Driven, drive, post
from tests.bench.place import Place, Process, Watch, ready
from tests.bench.workload import Sale
from tests.builders.actors import an_actor

CONNECTIONS: Final = 64
BULK: Final = 1_000
BULK_CONNECTIONS: Final = 4
_WAITING: Final = "select coalesce(sum(cardinality(ids)), 0)::bigint from gateway.outbox"


class Shop(Struct, frozen=True):
    """A connection of a store, and the secret that signs for it."""

    connection: str
    secret: str

    def signed(self, body: bytes, identity: str, tail: str = "") -> bytes:
        """The bytes of a delivery."""
        now = system()
        headers = {
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": sign(self.secret, identity, now, body),
        }
        return post(f"/webhooks/{self.connection}{tail}", body, headers)


async def open_shop(where: Place) -> Shop:
    """The programme at the gateway, with a store and its connection."""
    keys = KeyRing.open(where.config.keys_dir)
    async with Database("gateway", where.url, worker=True, size=2) as database:
        programs, by = Programs(database, keys), an_actor()
        program = NewProgram(
            name="Bench", time_zone=workload.ZONE, currency=workload.CURRENCY, default_region="CN"
        )
        await programs.add_program(program, by, uuid_of(workload.PROGRAM))
        store = NewStore(kind="generic", name="Shop")
        await programs.add_store(workload.PROGRAM, store, by, uuid_of(workload.STORE))
        connection, made = await Managing(database, keys).add_connection(
            workload.PROGRAM, NewConnection(store_id=workload.STORE), by
        )
    assert made is not None
    return Shop(text_id("whk", connection), made[1])


def told(sale: Sale) -> dict[str, Any]:
    """A sale as a shop tells it."""
    at = sale.at.isoformat()
    return {
        "type": "order.completed", "order_id": f"B-{sale.number}", "currency": workload.CURRENCY,
        "customer": {"id": f"u-{sale.customer}"}, "placed_at": at, "paid_at": at,
        "completed_at": at, "total_minor": sum(sale.lines),
        "lines": [
            {"line_id": str(place), "sku": f"SKU-{amount % 500}", "quantity": 1,
             "list_minor": amount, "title": "Tieguanyin, 250 g", "categories": ["tea"]}
            for place, amount in enumerate(sale.lines)
        ],
    }  # fmt: skip


async def one_by_one(where: Place, sales: Sequence[Sale], processes: int = 1) -> Driven:
    """A signed request an order."""
    shop = await open_shop(where)
    requests = [
        shop.signed(json.dumps(told(sale)).encode(), f"msg_{sale.number}") for sale in sales
    ]
    return await _taken(where, iter(requests), len(sales), processes, CONNECTIONS)


async def in_bulk(where: Place, sales: Sequence[Sale], processes: int = 1) -> Driven:
    """A signed request a thousand orders."""
    shop = await open_shop(where)
    parts = [sales[start : start + BULK] for start in range(0, len(sales), BULK)]
    requests = [
        shop.signed(
            json.dumps({"events": [told(each) for each in part]}).encode(), f"bulk_{n}", "/bulk"
        )
        for n, part in enumerate(parts)
    ]
    return await _taken(where, iter(requests), len(sales), processes, BULK_CONNECTIONS)


async def _taken(
    where: Place, requests: Iterator[bytes], events: int, processes: int, connections: int
) -> Driven:
    """Deliver, and look that all is kept: on the log, or in the outbox while the log was slow.

    What the log took without saying so in time is in both, until it is sent again under its id.
    """
    gateways = [
        Process(where, ["api", "gateway"], number, SHUKE_PORT=str(where.port + 10 * number))
        for number in range(processes)
    ]
    try:
        ports = [where.port + 10 * number for number in range(processes)]
        await ready(ports, gateways)
        driven = await drive(ports, requests, connections=connections)
    finally:
        for gateway in gateways:
            gateway.stop()
    assert set(driven.statuses) == {202}, driven.statuses
    async with Watch(where, []) as watch:
        ends = await watch.ends(["storefront"])
    connection = await asyncpg.connect(where.url)
    try:
        waiting = await connection.fetchval(_WAITING)
    finally:
        await connection.close()
    told = sum(ends.values())
    assert told <= events <= told + waiting, (ends, waiting, events)
    return driven
