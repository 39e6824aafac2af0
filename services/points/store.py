"""Write SQL of points: what a batch reads under locks, what it writes. One statement a function.

Lock waves, each sorted by key: customers, then accounts. Orders, refunds, lots, spans and facts are
read after the accounts that own them are locked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.points import tables
from services.points.model import (
    POINTS,
    Account,
    ActivityFact,
    Allocation,
    Customer,
    Entry,
    Lot,
    PointsState,
    Purchase,
    Refund,
    Rule,
    SourceKind,
    TierSpan,
    check_in_source,
    decode_body,
    decode_refund,
    encode,
    lot_id,
)
from services.points.settings import DOCUMENT
from shared.days import BEGINNING, local_day
from shared.db import bulk
from shared.db.bulk import lock_all
from shared.db.sweep_rows import watermarks
from shared.db.transaction import Tx
from shared.events.envelope import Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.tier_changed import TierChanged
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.refund import Refund as RefundEvent
from shared.flow import Due, Input
from shared.ids import text_id, uuid_of
from shared.links import decode_links
from shared.programs import Program
from shared.settings import store as settings

EXPIRY: Final = "expiry"
STATEMENTS: Final = 24
"""Of `load_batch` and `save_batch`, at most, whatever the batch's size."""

Key = tuple[int, UUID]


class Needs(Struct):
    """What the inputs of a batch are about, by program and id."""

    programs: set[int]
    customers: set[Key]
    holders: set[Key]
    orders: set[Key]
    histories: dict[Key, datetime]
    """Customers whose orders and facts are settled again, and since when."""
    retiered: dict[Key, datetime]
    """Holders whose orders are awarded again, and since when."""
    days: set[tuple[int, UUID, str]]
    """Customer and local day of check-ins."""
    expiring: dict[Key, datetime]


async def load_batch(
    tx: Tx, inputs: Sequence[Input], programs: Mapping[str, Program]
) -> PointsState:
    """Everything that the inputs may touch, locked in waves, in a fixed number of statements."""
    needs = needs_of(inputs, programs)
    customers = await lock_customers(tx, needs.customers)
    linked = {(c.program_id, link.member_id) for c in customers for link in c.links}
    holders = needs.holders | linked
    accounts = await _LOCK_ACCOUNT.run(tx, holders)
    published = await settings.load(tx, [DOCUMENT], needs.programs)
    state = PointsState(programs, published, await watermarks(tx, EXPIRY))
    state.customers.read(customers)
    state.accounts.read(accounts)
    state.spans.read(await load_spans(tx, holders))
    state.purchases.read(await load_purchases(tx, needs))
    orders = needs.orders | set(state.purchases)
    state.refunds.read(await load_refunds(tx, orders))
    facts = await load_customer_facts(tx, needs)
    state.facts.read(facts)
    days = _holder_days(needs, customers, facts)
    state.facts.read(await load_holder_facts(tx, days))
    by_number = {program.id: program for program in programs.values()}
    state.lots.read(await _READ_LOT.run(tx, _lot_ids(state, by_number, days)))
    state.lots.read(await load_due_lots(tx, needs.expiring))
    return state


async def save_batch(tx: Tx, state: PointsState) -> None:
    """Write what changed, one statement per table, two where new rows are copied in."""
    await _CUSTOMERS.run(tx, state.customers.changed)
    await _ACCOUNTS.run(tx, state.accounts)
    await _SPANS.run(tx, state.spans)
    await _PURCHASES.run(tx, state.purchases)
    await _REFUNDS.run(tx, state.refunds.changed)
    await _LOTS.run(tx, state.lots)
    await _FACTS.run(tx, state.facts.changed)
    await _ENTRIES.run(tx, state.entries.changed)
    await _ALLOCATIONS.run(tx, state.allocations.changed)


def needs_of(inputs: Sequence[Input], programs: Mapping[str, Program]) -> Needs:
    """What to load for a batch."""
    needs = Needs(set(), set(), set(), set(), {}, {}, set(), {})
    for item in inputs:
        program = programs[item.program]
        needs.programs.add(program.id)
        if isinstance(item, Event):
            _event_needs(needs, program, item)
        elif isinstance(item, Due):
            _due_needs(needs, program.id, item)
    return needs


def _event_needs(needs: Needs, program: Program, event: Event) -> None:
    data = event.data
    match data:
        case OrderCompleted() | OrderCancelled() | RefundEvent():
            if data.customer_id:
                needs.customers.add((program.id, uuid_of(data.customer_id)))
            if data.order_id:
                needs.orders.add((program.id, uuid_of(data.order_id)))
        case CheckIn():
            customer = uuid_of(data.customer_id)
            needs.customers.add((program.id, customer))
            day = local_day(event.time, program.zone).isoformat()
            needs.days.add((program.id, customer, day))
        case CustomerLinked():
            customer = uuid_of(data.customer_id)
            needs.customers.add((program.id, customer))
            needs.holders.add((program.id, uuid_of(data.member_id)))
            needs.histories[program.id, customer] = BEGINNING
        case TierChanged():
            key = (program.id, uuid_of(data.member_id))
            needs.holders.add(key)
            since = BEGINNING if data.revision == 1 else data.replaces_from
            needs.retiered[key] = min(since, needs.retiered.get(key, since))


def _due_needs(needs: Needs, program_id: int, due: Due) -> None:
    key = (program_id, due.key)
    if due.kind == EXPIRY:
        needs.holders.add(key)
        needs.expiring[key] = due.time
    else:
        needs.customers.add(key)
        needs.histories[key] = due.time


def _holder_days(
    needs: Needs, customers: Iterable[Customer], facts: Iterable[ActivityFact]
) -> set[tuple[int, UUID, str]]:
    """Members and days whose credit may change: all members that a customer ever was linked to."""
    members: dict[Key, list[UUID]] = {
        customer.key: [link.member_id for link in customer.links] for customer in customers
    }
    days = needs.days | {(fact.program_id, fact.customer_id, fact.once_key) for fact in facts}
    found = {
        (program_id, member, day)
        for program_id, customer_id, day in days
        for member in members.get((program_id, customer_id), ())
    }
    return found | {
        (program_id, member, day)
        for program_id, customer_id, day in days
        for program, member in needs.holders
        if program == program_id and (program_id, customer_id) in needs.histories
    }


def _lot_ids(
    state: PointsState, programs: Mapping[int, Program], days: set[tuple[int, UUID, str]]
) -> set[Key]:
    """Lots of known orders and of members' days: an id is derived from its source.

    A day without facts may have one: they came to be somebody else's.
    """
    found = set()
    for program_id, order_id in state.purchases:
        source = text_id("ord", order_id)
        identity = lot_id(programs[program_id].text_id, POINTS, SourceKind.ORDER, source)
        found.add((program_id, identity))
    return found | {
        (program_id, _check_in_lot(programs[program_id], member, day))
        for program_id, member, day in days | state_days(state)
    }


def state_days(state: PointsState) -> set[tuple[int, UUID, str]]:
    """Members and days of the facts in the batch, for whichever member they may come to count."""
    days = set()
    for fact in state.facts.values():
        customer = state.customers.get((fact.program_id, fact.customer_id))
        members = {link.member_id for link in customer.links} if customer else set()
        days |= {(fact.program_id, member, fact.once_key) for member in members}
        if fact.holder_id is not None:
            days.add((fact.program_id, fact.holder_id, fact.once_key))
    return days


def _check_in_lot(program: Program, member: UUID, day: str) -> UUID:
    source = text_id("src", check_in_source(program.text_id, member, day))
    return lot_id(program.text_id, POINTS, SourceKind.CHECK_IN, source)


async def lock_customers(tx: Tx, keys: Collection[Key]) -> list[Customer]:
    """First wave: lock all by primary key, sorted; missing ones are made first."""
    return await lock_all(tx, _LOCK_CUSTOMER, _PLACE_CUSTOMER, keys)


async def load_purchases(tx: Tx, needs: Needs) -> list[Purchase]:
    """Orders named, orders of customers since an instant, orders of holders since an instant.

    By primary key, purchase_customer_idx, purchase_holder_idx.
    """
    histories = [(*key, since) for key, since in needs.histories.items()]
    retiered = [(*key, since) for key, since in needs.retiered.items()]
    return [
        *await _READ_PURCHASE.run(tx, needs.orders),
        *await _READ_BOUGHT.run(tx, histories),
        *await _READ_HELD.run(tx, retiered),
    ]


async def load_refunds(tx: Tx, orders: Iterable[Key]) -> list[Refund]:
    """Refunds of orders, by refund_order_idx."""
    return await _READ_REFUND.run(tx, orders)


async def load_spans(tx: Tx, keys: Iterable[Key]) -> list[TierSpan]:
    """Tier spans of holders, superseded ones too, by primary key."""
    return await _READ_TIER_SPAN.run(tx, keys)


async def load_customer_facts(tx: Tx, needs: Needs) -> list[ActivityFact]:
    """Facts of customers on days, and of customers since an instant; by primary key."""
    days = [(program_id, customer_id, int(Rule.CHECK_IN), day)
            for program_id, customer_id, day in needs.days]  # fmt: skip
    histories = [(*key, since) for key, since in needs.histories.items()]
    return [*await _READ_FACT.run(tx, days), *await _READ_DONE.run(tx, histories)]


async def load_holder_facts(tx: Tx, days: Iterable[tuple[int, UUID, str]]) -> list[ActivityFact]:
    """Facts of members on days, by activity_fact_holder_idx."""
    keys = [(program_id, holder_id, int(Rule.CHECK_IN), day) for program_id, holder_id, day in days]
    return await _READ_HOLDER_FACT.run(tx, keys)


async def load_due_lots(tx: Tx, holders: Mapping[Key, datetime]) -> list[Lot]:
    """Lots of holders that lapse at or before a boundary, by lot_open_idx."""
    keys = [(*key, boundary) for key, boundary in holders.items()]
    return await _READ_DUE_LOT.run(tx, keys)


async def list_due_holders(
    tx: Tx, program_id: int, boundary: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Holders with lots that lapse at or before a boundary, after a cursor, by lot_due_idx."""
    rows = await tx.fetch(
        """
        select distinct holder_id from lot
        where program_id = $1 and expires_at <= $2 and open > held
          and ($3::uuid is null or holder_id > $3)
        order by holder_id limit $4
        """,
        program_id,
        boundary,
        after,
        limit,
    )
    return [row["holder_id"] for row in rows]


async def list_settled_customers(
    tx: Tx, program_id: int, since: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Customers with an order or check-in at or after an instant, after a cursor."""
    rows = await tx.fetch(
        """
        select customer_id from (
          select customer_id from purchase where program_id = $1 and completed_at >= $2
            and customer_id is not null
          union
          select customer_id from activity_fact where program_id = $1 and at >= $2) found
        where $3::uuid is null or customer_id > $3
        order by customer_id limit $4
        """,
        program_id,
        since,
        after,
        limit,
    )
    return [row["customer_id"] for row in rows]


_CUSTOMER: Final = bulk.stored(tables.CUSTOMER, Customer, links=(encode, decode_links))
_ACCOUNT: Final = bulk.stored(tables.ACCOUNT, Account)
_SPAN: Final = bulk.stored(tables.TIER_SPAN, TierSpan)
_PURCHASE: Final = bulk.stored(tables.PURCHASE, Purchase, body=(encode, decode_body))
_REFUND: Final = bulk.stored(tables.REFUND, Refund, body=(encode, decode_refund))
_LOT: Final = bulk.stored(tables.LOT, Lot)
_FACT: Final = bulk.stored(tables.ACTIVITY_FACT, ActivityFact)
_ENTRY: Final = bulk.stored(tables.ENTRY, Entry)
_ALLOCATION: Final = bulk.stored(tables.ALLOCATION, Allocation)

_PLACE_CUSTOMER: Final = bulk.place(tables.CUSTOMER, links="[]")
_LOCK_CUSTOMER: Final = _CUSTOMER.locked("customer_id")
_LOCK_ACCOUNT: Final = _ACCOUNT.locked("holder_id")
_READ_TIER_SPAN: Final = _SPAN.by("holder_id")
_READ_PURCHASE: Final = _PURCHASE.by("order_id")
_READ_BOUGHT: Final = _PURCHASE.by("customer_id", since="completed_at")
_READ_HELD: Final = _PURCHASE.by("holder_id", since="completed_at")
_READ_FACT: Final = _FACT.by("customer_id", "rule", "once_key")
_READ_DONE: Final = _FACT.by("customer_id", since="at")
_READ_HOLDER_FACT: Final = _FACT.by("holder_id", "rule", "once_key")
_READ_REFUND: Final = _REFUND.by("order_id")
_READ_LOT: Final = _LOT.by("lot_id")
_READ_DUE_LOT: Final = _LOT.by(
    "holder_id", until="expires_at", where="open > 0 and t.open > t.held"
)

_CUSTOMERS: Final = _CUSTOMER.upsert()
_ACCOUNTS: Final = _ACCOUNT.save()
_SPANS: Final = _SPAN.save()
_PURCHASES: Final = _PURCHASE.save()
_REFUNDS: Final = _REFUND.upsert()
_LOTS: Final = _LOT.save()
_FACTS: Final = _FACT.upsert()
_ENTRIES: Final = _ENTRY.insert()
_ALLOCATIONS: Final = _ALLOCATION.insert()
