"""The retail demo: invoices of a real shop through signed webhooks in bulk, and what they came to.

What was sent must be on the log and in the services to the penny; of files that are known, it must
be what they come to by reckoning elsewhere.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from services.members.settings import JoinRoute, JoinSettings
from services.points.settings import PointsSettings
from shared.clock import monotonic, system
from shared.config import Config
from shared.events import codec
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.refund import Refund
from shared.stream.factory import open_stream
from shared.stream.port import Record, Subscription
from shuke.checking import Look
from shuke.demo.baskets import fingerprint
from shuke.demo.deliveries import Delivery
from shuke.demo.invoices import CURRENCY, Back, Invoice, Retail, Sold, read
from shuke.demo.programme import About, Programme, last_week, operating, prepare
from shuke.demo.sending import Sender, Taken
from shuke.services import SERVICES

ZONE: Final = ZoneInfo("Europe/London")
BATCH: Final = 500
BATCH_BYTES: Final = 4 * 1024 * 1024
QUIET_SECONDS: Final = 1_800.0
REFERENCES: Final = Path(__file__).parent / "data" / "online-retail" / "reference_figures.json"
ABOUT: Final = About(
    name="Gifts",
    zone="Europe/London",
    currency=CURRENCY,
    region="GB",
    documents=(
        ("members", "join", JoinSettings(routes=(JoinRoute(route="auto-first-order"),))),
        ("points", "points", PointsSettings(tier_bp={}, validity="never")),
    ),
)
Figures = dict[str, int]
_HELD: Final = {
    "orders_in_analytics": ("analytics", "orders", "orders"),
    "lines_in_analytics": ("analytics", "lines", "lines_without_shipping"),
    "refunds_in_analytics": ("analytics", "refunds", "refunds"),
    "members": ("members", "members", "customers"),
    "check_ins_in_points": ("points", "check_ins", "check_ins"),
}
"""What services hold: whose total, its name there, and which figure it must equal."""


class Script(Struct, frozen=True):
    """What is replayed."""

    name: str
    retail: Retail
    check_ins: bool
    as_recorded: bool
    expected: Figures | None
    """What the file comes to; None: nobody knows."""


class Result(Struct, frozen=True):
    """What came out."""

    found: Figures
    expected: Figures
    """Of a file that nobody knows: what was read of it."""
    taken: Taken
    seconds: float
    programme: Programme
    violations: Sequence[str]

    @property
    def differences(self) -> list[str]:
        """Figures that are not as they should be."""
        return [
            f"{name}: {self.found[name]}, expected {value}"
            for name, value in self.expected.items()
            if self.found[name] != value
        ]

    @property
    def right(self) -> bool:
        """Whether nothing differs, was refused or is violated."""
        return not self.differences and not self.taken.failed and not self.violations


def script(path: Path, *, check_ins: bool, as_recorded: bool) -> Script:
    """Read a file. The figures of known files are known."""
    mark = fingerprint(path)
    known = json.loads(REFERENCES.read_text(encoding="utf-8")).get(mark)
    if known is not None:
        del known["file"]
    name = f"retail-{mark[:16]}{'-check-ins' if check_ins else ''}{'-old' if as_recorded else ''}"
    expected = None
    if known is not None:
        expected = known if check_ins else known | {"check_ins": 0}
    return Script(name, read(path), check_ins, as_recorded, expected)


async def replay(
    config: Config, what: Script, rate: float | None, sent: Callable[[int], None]
) -> Result:
    """Send everything, wait until nobody has anything left, and add up.

    `sent` is told how many events each batch had; `rate` is the most a second.
    """
    async with Look(list(SERVICES.values()), config) as look, operating(config) as operator:
        last = max(invoice.at for invoice in what.retail.invoices)
        weeks = 0 if what.as_recorded else last_week(last, system())
        programme = await prepare(operator, config, what.name, weeks, ABOUT)
        sender = Sender(config.url_of("gateway"), programme.connection, programme.secret)
        began = monotonic()
        batches = in_bulk(what.name, told(what, programme.shift))
        taken = await sender.send_bulk(batches, rate, sent)
        await look.until_quiet(QUIET_SECONDS)
        seconds = monotonic() - began
        found = await _found(look, config, programme.program)
        violations = [
            f"{verdict.service}: {verdict.invariant}"
            for verdict in await look.verify(programme.program)
            for _ in verdict.violations
        ]
    reckoned = figures_of(what)
    expected = dict(what.expected or reckoned)
    expected["refunds"] = expected["refunds_with_order"] + expected["refunds_without_order"]
    expected |= {name: expected[figure] for name, (_, _, figure) in _HELD.items()}
    found["refunds"] = found["refunds_with_order"] + found["refunds_without_order"]
    found |= {name: reckoned[name] for name in ("rows", "invoices_skipped", "lines")}
    return Result(found, expected, taken, seconds, programme, violations)


def figures_of(what: Script) -> Figures:
    """What a file comes to, by adding up what was read of it."""
    retail = what.retail
    bought = [invoice for invoice in retail.invoices if invoice.customer is not None]
    guests = [invoice for invoice in retail.invoices if invoice.customer is None]
    named = [back for back in retail.refunds if back.order is not None]
    unnamed = [back for back in retail.refunds if back.order is None]
    return {
        "rows": retail.rows,
        "invoices_skipped": retail.skipped,
        "orders": len(retail.invoices),
        "orders_with_customer": len(bought),
        "orders_of_guests": len(guests),
        "lines": sum(len(invoice.lines) for invoice in retail.invoices),
        "lines_without_shipping": sum(len(invoice.sold) for invoice in retail.invoices),
        "customers": len({invoice.customer for invoice in bought}),
        "total_minor": sum(map(_total, bought)),
        "goods_minor": _of_kind(bought, "goods"),
        "fee_minor": _of_kind(bought, "fee"),
        "shipping_minor": _of_kind(bought, "freight"),
        "guests_total_minor": sum(map(_total, guests)),
        "refunds_with_order": len(named),
        "refunds_with_order_minor": sum(line.pence for back in named for line in back.lines),
        "refunds_without_order": len(unnamed),
        "refunds_without_order_minor": sum(back.amount for back in unnamed),
        "check_ins": len(retail.check_ins) if what.check_ins else 0,
        "points_before_refunds": sum(_of_kind([each], "goods") // 100 for each in bought),
    }


def _total(invoice: Invoice) -> int:
    return sum(line.pence for line in invoice.lines)


def _of_kind(invoices: Sequence[Invoice], kind: str) -> int:
    return sum(line.pence for each in invoices for line in each.lines if line.kind == kind)


def told(what: Script, shift: timedelta) -> Iterator[Mapping[str, Any]]:
    """Bodies of the generic connector, in the order of time."""
    retail = what.retail
    moves: list[tuple[datetime, int, str, Mapping[str, Any]]] = [
        *((each.at, 0, each.number, _order(each, shift)) for each in retail.invoices),
        *((each.at, 1, each.identity, _refund(each, shift)) for each in retail.refunds),
    ]
    for customer, day in retail.check_ins if what.check_ins else ():
        at = datetime.combine(day, time(12))
        moves.append((at, 2, customer, _check_in(customer, at, shift)))
    moves.sort(key=lambda move: move[:3])
    for _, _, _, body in moves:
        yield body


def in_bulk(name: str, bodies: Iterator[Mapping[str, Any]]) -> Iterator[tuple[Delivery, int]]:
    """Requests of at most 500 events and 4 MiB, with the number of their events."""
    batch: list[str] = []
    size = number = 0
    for body in bodies:
        text = json.dumps(body, separators=(",", ":"))
        if batch and (len(batch) == BATCH or size + len(text) > BATCH_BYTES):
            yield _request(f"{name}-{number}", batch), len(batch)
            batch, size, number = [], 0, number + 1
        batch.append(text)
        size += len(text) + 1
    if batch:
        yield _request(f"{name}-{number}", batch), len(batch)


def _request(identity: str, events: Sequence[str]) -> Delivery:
    return Delivery(identity, system(), f'{{"events":[{",".join(events)}]}}'.encode())


def _order(invoice: Invoice, shift: timedelta) -> Mapping[str, Any]:
    at = _text(invoice.at, shift)
    customer = {"customer": {"id": invoice.customer}} if invoice.customer else {}
    return {
        "type": "order.completed",
        "order_id": invoice.number,
        "currency": CURRENCY,
        **customer,
        "placed_at": at,
        "paid_at": at,
        "completed_at": at,
        "lines": [_line(line) for line in invoice.sold],
        "total_minor": _total(invoice),
        "shipping_minor": invoice.freight,
    }


def _line(line: Sold) -> Mapping[str, Any]:
    return {
        "line_id": str(line.number),
        "sku": line.code,
        "quantity": line.quantity,
        "list_minor": line.pence,
        "kind": "fee" if line.kind == "freight" else line.kind,
    }


def _refund(back: Back, shift: timedelta) -> Mapping[str, Any]:
    lines = [
        {
            "line_id": str(line.number),
            "sku": line.code,
            "quantity": line.quantity,
            "net_minor": line.pence,
        }
        for line in back.lines
        if line.kind != "freight"
    ]
    order = {"order_id": back.order} if back.order else {}
    return {
        "type": "refund",
        "refund_id": back.identity,
        **order,
        "currency": CURRENCY,
        "customer": {"id": back.customer},
        "refunded_at": _text(back.at, shift),
        "lines": lines,
        "amount_minor": back.amount,
        "shipping_minor": sum(line.pence for line in back.lines if line.kind == "freight"),
        "total_minor": back.amount + sum(line.pence for line in back.lines),
        "scope": "lines" if lines else "amount",
    }


def _check_in(customer: str, at: datetime, shift: timedelta) -> Mapping[str, Any]:
    return {
        "type": "check-in",
        "customer": {"id": customer},
        "channel": "shop",
        "occurred_at": _text(at, shift),
    }


def _text(at: datetime, shift: timedelta) -> str:
    """An instant of the shop, moved by whole weeks of its own clock."""
    return (at + shift).replace(tzinfo=ZONE).isoformat()


async def _found(look: Look, config: Config, program: str) -> Figures:
    """What the log and the services hold."""
    services = (await look.totals())[program]
    held = {name: services[service][figure] for name, (service, figure, _) in _HELD.items()}
    return await _on_the_log(config, program) | held


async def _on_the_log(config: Config, program: str) -> Figures:
    """Figures of the program's events, each id once."""
    found: dict[UUID, Any] = {}
    async with open_stream(config) as stream:
        subscription = await stream.subscribe(None, ["storefront"], "", lambda: None)
        async for record in _all_of(subscription):
            if record.key.startswith(f"{program}/"):
                event = codec.decode(record.value, system())
                assert event is not None
                found[event.id] = event.data
        await subscription.close(2.0)
    return _added(list(found.values()))


async def _all_of(subscription: Subscription) -> AsyncIterator[Record]:
    """Every record up to where each partition ends now."""
    ends = await subscription.end_of(subscription.assigned())
    left = {}
    for partition, end in ends.items():
        start = await subscription.start_of(partition)
        subscription.seek(partition, start)
        if end > start:
            left[partition] = end
    while left:
        for record in await subscription.poll(1_000, 200):
            yield record
            key = (record.topic, record.partition)
            if key in left and record.offset + 1 >= left[key]:
                del left[key]


def _added(events: Sequence[Any]) -> Figures:
    orders = [each for each in events if isinstance(each, OrderCompleted)]
    refunds = [each for each in events if isinstance(each, Refund)]
    bought = [order for order in orders if order.customer_id is not None]
    lines = [line for order in bought for line in order.lines]
    named = [refund for refund in refunds if refund.order_id is not None]
    unnamed = [refund for refund in refunds if refund.order_id is None]
    guests = [order for order in orders if order.customer_id is None]
    return {
        "orders": len(orders),
        "orders_with_customer": len(bought),
        "orders_of_guests": len(guests),
        "lines_without_shipping": sum(len(order.lines) for order in orders),
        "customers": len({order.customer_id for order in bought}),
        "total_minor": sum(order.total_minor for order in bought),
        "goods_minor": sum(map(_goods, bought)),
        "fee_minor": sum(line.net_minor for line in lines if line.kind == "fee"),
        "shipping_minor": sum(order.shipping_minor for order in bought),
        "guests_total_minor": sum(order.total_minor for order in guests),
        "refunds_with_order": len(named),
        "refunds_with_order_minor": sum(refund.total_minor for refund in named),
        "refunds_without_order": len(unnamed),
        "refunds_without_order_minor": sum(refund.total_minor for refund in unnamed),
        "check_ins": sum(isinstance(each, CheckIn) for each in events),
        "points_before_refunds": sum(_goods(order) // 100 for order in bought),
    }


def _goods(order: OrderCompleted) -> int:
    return sum(line.net_minor for line in order.lines if line.kind == "goods")
