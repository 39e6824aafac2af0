"""Write SQL of analytics: what a batch reads under locks, what it writes. One statement a function.

Lock waves, each sorted by key: customers, members, orders, then (at the end) cells and progress. An
order has two owners, its customer and the member whose points it gives, who may not know of each
other yet; so its row is a wave of its own. What names it first makes it, empty: of two who do so at
once the second fails, and finds it when it tries again. Which
orders a link, a tier change or a late order concerns is found between the waves: whoever adds or
moves orders of a subject holds its row, so what was found stays all there is.

What is read does not grow with history: orders named and what hangs on them, and of a subject's
other orders only those that a late one comes before. A link reads all facts of its customer, which
move; a tier change reads the member's orders after it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Table

from services.analytics import tables
from services.analytics.model import (
    AnalyticsState,
    Batch,
    Customer,
    DayHour,
    DayPoints,
    DayStore,
    DayTier,
    FactActivity,
    FactCoupon,
    FactOrder,
    FactPoints,
    FactRefund,
    Key,
    Member,
    Progress,
    StoreCell,
    Tail,
    cancellation_id,
    check_in_id,
    decode_timeline,
    encode,
    entry_key,
)
from shared.days import local_day
from shared.db import bulk
from shared.db.bulk import columns, lock_all, type_name
from shared.db.transaction import Row, Tx
from shared.events.envelope import Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_erased import MemberErased
from shared.events.members.member_joined import MemberJoined
from shared.events.members.tier_changed import TierChanged
from shared.events.points.points_changed import PointsChanged
from shared.events.storefront.activity import Activity
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.refund import Refund
from shared.flow import Input
from shared.ids import uuid_of
from shared.links import decode_links, knows
from shared.programs import Program

STATEMENTS: Final = 31
"""Of `load_batch` and `save_batch`, at most, whatever the batch's size."""


class Needs(Struct):
    """What the events of a batch are about, by program and id."""

    newest: dict[int, datetime]
    """By program, the greatest event time."""
    customers: set[Key]
    members: set[Key]
    completions: list[tuple[Key, Key | None, datetime]]
    """Orders told to be completed, their customer, and when."""
    orders: set[Key]
    """Orders that refunds and entries name."""
    refunds: set[Key]
    entries: set[Key]
    activities: set[Key]
    links: list[tuple[Key, UUID, int]]
    """Customer, member and revision of the links told."""
    tiers: list[tuple[Key, datetime]]
    """Members, and from when their tiers are told."""


class History(Struct):
    """Orders that a batch concerns though it does not name them."""

    settled: set[Key]
    """Their tier or owner may change."""
    first: dict[Key, datetime]
    """By customer that was linked, the completion of their first order."""


async def load_batch(
    tx: Tx, inputs: Sequence[Input], programs: Mapping[str, Program]
) -> AnalyticsState:
    """Everything that the events may touch, locked in waves, in a fixed number of statements."""
    needs = needs_of(inputs, programs)
    completed = {order for order, _, _ in needs.completions}
    known = await _FIND_COMPLETED.run(tx, completed)
    buyers = {(row["program_id"], row["customer_id"]) for row in known if row["customer_id"]}
    found_customers = await lock_all(tx, _LOCK_CUSTOMER, _PLACE_CUSTOMER, needs.customers | buyers)
    customers = {row.key: row for row in found_customers}
    bought = _bought(needs, known)
    found_members = await lock_all(tx, _LOCK_MEMBER, _PLACE_MEMBER, _members(needs, customers))
    members = {row.key: row for row in found_members}
    linked = {
        key
        for key, member, revision in needs.links
        if not knows(customers[key].links, member, revision)
    }
    moving = [customers[key] for key in linked]
    history = _history(await find_orders(tx, moving, _retiered(needs, members)), linked)
    given_back = await _FIND_GIVEN_BACK.run(tx, needs.refunds)
    history.settled.update((row["program_id"], row["order_id"]) for row in given_back)
    tails, behind = await find_tails(tx, _subjects(needs, customers, linked, bought, history.first))
    named = completed | needs.orders
    settled = named | history.settled
    orders = await _LOCK_ORDER.run(tx, settled | behind)
    begun_at, progress = await load_progress(tx, needs.newest)
    state = AnalyticsState(programs, Batch(begun_at, len(inputs), needs.newest))
    state.customers.read(customers.values())
    state.members.read(members.values())
    state.read_facts(orders, await load_refunds(tx, settled, needs.refunds), tails)
    for key in sorted(named - state.orders.keys()):
        state.orders.put(FactOrder(*key))
    state.entries.read(await load_entries(tx, named, needs.entries))
    state.activities.read(await load_activities(tx, needs.activities, moving))
    state.progress.read(progress)
    return state


async def save_batch(tx: Tx, state: AnalyticsState) -> None:
    """Write what changed, one statement per table; cells last, then what is left of none."""
    await _CUSTOMERS.run(tx, state.customers.changed)
    await _MEMBERS.run(tx, state.members.changed)
    await _ORDERS.run(tx, state.orders)
    await _REFUNDS.run(tx, state.refunds)
    await _ENTRIES.run(tx, state.entries.changed)
    await _ACTIVITIES.run(tx, state.activities)
    await _COUPONS.run(tx, state.coupons.changed)
    await _DAY_STORES.run(tx, state.day_stores.changed)
    await _DAY_HOURS.run(tx, state.day_hours.changed)
    await _DAY_TIERS.run(tx, state.day_tiers.changed)
    await _DAY_POINTS.run(tx, state.day_points.changed)
    await clear_cells(tx, tables.DAY_STORE, state.day_stores.changed)
    await clear_cells(tx, tables.DAY_HOUR, state.day_hours.changed)
    await clear_cells(tx, tables.DAY_TIER, state.day_tiers.changed)
    await _PROGRESS.run(tx, state.progress.changed)


def needs_of(inputs: Sequence[Input], programs: Mapping[str, Program]) -> Needs:
    """What to load for a batch."""
    needs = Needs({}, set(), set(), [], set(), set(), set(), set(), [], [])
    for item in inputs:
        assert isinstance(item, Event), item
        program = programs[item.program]
        needs.newest[program.id] = max(item.time, needs.newest.get(program.id, item.time))
        _event_needs(needs, program, item)
    return needs


def _event_needs(needs: Needs, program: Program, event: Event) -> None:
    match event.data:
        case OrderCompleted() | OrderCancelled() | Refund() | PointsChanged() as data:
            _order_needs(needs, program.id, event.time, data)
        case CheckIn() | Activity() as data:
            customer_id = uuid_of(data.customer_id)
            day = local_day(event.time, program.zone)
            check_in = isinstance(data, CheckIn)
            identity = check_in_id(customer_id, day) if check_in else event.id
            needs.customers.add((program.id, customer_id))
            needs.activities.add((program.id, identity))
        case MemberJoined() | CustomerLinked() | TierChanged() | MemberErased() as data:
            _member_needs(needs, program.id, data)


def _order_needs(
    needs: Needs,
    program_id: int,
    at: datetime,
    data: OrderCompleted | OrderCancelled | Refund | PointsChanged,
) -> None:
    order = (program_id, uuid_of(data.order_id)) if data.order_id else None
    if isinstance(data, OrderCompleted):
        assert order is not None
        buyer = (program_id, uuid_of(data.customer_id)) if data.customer_id else None
        needs.completions.append((order, buyer, at))
        if buyer is not None:
            needs.customers.add(buyer)
        return
    if order is not None:
        needs.orders.add(order)
    if isinstance(data, PointsChanged):
        needs.entries.add((program_id, entry_key(data.entry_id)))
    elif isinstance(data, Refund):
        needs.refunds.add((program_id, uuid_of(data.refund_id)))
    elif order is not None:
        needs.refunds.add((program_id, cancellation_id(order[1])))


def _member_needs(
    needs: Needs,
    program_id: int,
    data: MemberJoined | CustomerLinked | TierChanged | MemberErased,
) -> None:
    member = (program_id, uuid_of(data.member_id))
    needs.members.add(member)
    if isinstance(data, CustomerLinked):
        customer = (program_id, uuid_of(data.customer_id))
        needs.customers.add(customer)
        needs.links.append((customer, member[1], data.revision))
    elif isinstance(data, TierChanged) and data.primary:
        needs.tiers.append((member, data.replaces_from))


def _soonest(instants: dict[Key, datetime], key: Key, at: datetime) -> None:
    instants[key] = min(at, instants.get(key, at))


def _bought(needs: Needs, rows: Iterable[Row]) -> dict[Key, datetime]:
    """Customers who gain or lose an order by a completion, and at the earliest when.

    `rows` are the orders that are known as completed: a telling that is no earlier moves nothing,
    an earlier one may take the order from its buyer.
    """
    known = {(row["program_id"], row["order_id"]): row for row in rows}
    bought: dict[Key, datetime] = {}
    for order, buyer, at in needs.completions:
        row = known.get(order)
        if row is not None and row["completed_at"] <= at:
            continue
        if buyer is not None:
            _soonest(bought, buyer, at)
        if row is not None and row["customer_id"] is not None:
            _soonest(bought, (order[0], row["customer_id"]), at)
    return bought


def _members(needs: Needs, customers: Mapping[Key, Customer]) -> set[Key]:
    """All members that the batch names or a customer in it ever was linked to."""
    linked = {(key[0], link.member_id) for key, row in customers.items() for link in row.links}
    return needs.members | linked


def _retiered(needs: Needs, members: Mapping[Key, Member]) -> dict[Key, datetime]:
    """Members whose orders may be of another tier, and after which instant."""
    since: dict[Key, datetime] = {}
    for key, replaces_from in needs.tiers:
        _soonest(since, key, members[key].tiers.touched_from(replaces_from))
    return since


def _history(rows: Iterable[Row], linked: set[Key]) -> History:
    history = History(set(), {})
    for row in rows:
        history.settled.add((row["program_id"], row["order_id"]))
        customer = (row["program_id"], row["customer_id"])
        if customer in linked and row["completed_at"] is not None:
            _soonest(history.first, customer, row["completed_at"])
    return history


def _subjects(
    needs: Needs,
    customers: Mapping[Key, Customer],
    linked: set[Key],
    bought: Mapping[Key, datetime],
    first: Mapping[Key, datetime],
) -> dict[Key, datetime]:
    """Subjects whose orders may be numbered anew, and from when.

    The orders of a customer whose links change may leave, or come to, any subject it ever had.
    """
    told: dict[Key, set[UUID]] = {}
    for key, member, _ in needs.links:
        told.setdefault(key, set()).add(member)
    since: dict[Key, datetime] = {}
    for key, customer in customers.items():
        known = [at for at in (bought.get(key), first.get(key)) if at is not None]
        if not known:
            continue
        subjects = {customer.subject_id}
        if key in linked:
            subjects |= told[key] | {link.member_id for link in customer.links}
        for subject in subjects:
            _soonest(since, (key[0], subject), min(known))
    return since


async def find_orders(
    tx: Tx,
    customers: Iterable[Customer],
    retiered: Mapping[Key, datetime],
) -> list[Row]:
    """Orders of customers, orders of members after an instant.

    By fact_order_subject_idx (a customer's orders are all of its subject), fact_order_member_idx.
    """
    bought = [(row.program_id, row.subject_id, row.customer_id) for row in customers]
    tiers = [(*key, since) for key, since in retiered.items()]
    return [
        *await _FIND_BOUGHT.run(tx, bought),
        *await _FIND_RETIERED.run(tx, tiers),
    ]


async def find_tails(tx: Tx, subjects: Mapping[Key, datetime]) -> tuple[dict[Key, Tail], set[Key]]:
    """How many orders of each subject come before an instant, and which come from it on.

    Reads the tail and one order before it, by fact_order_subject_idx.
    """
    keys = [(*key, since) for key, since in subjects.items()]
    if not keys:
        return {}, set()
    rows = await tx.fetch(
        """
        select k.program_id, k.subject_id, o.order_id, o.seq, o.completed_at < k.since as before
        from unnest($1::integer[], $2::uuid[], $3::timestamptz[]) k (program_id, subject_id, since)
        cross join lateral (
          select f.order_id, f.seq, f.completed_at from fact_order f
          where f.program_id = k.program_id and f.subject_id = k.subject_id
            and f.completed_at >= k.since
          union all
          (select f.order_id, f.seq, f.completed_at from fact_order f
           where f.program_id = k.program_id and f.subject_id = k.subject_id
             and f.completed_at < k.since
           order by f.completed_at desc, f.order_id desc limit 1)) o
        """,
        *columns(keys, 3),
    )
    before = {(row["program_id"], row["subject_id"]): row["seq"] for row in rows if row["before"]}
    tails = {key: Tail(since, before.get(key, 0)) for key, since in subjects.items()}
    return tails, {(row["program_id"], row["order_id"]) for row in rows if not row["before"]}


async def load_refunds(tx: Tx, orders: Iterable[Key], refunds: Iterable[Key]) -> list[FactRefund]:
    """Refunds of orders, and refunds named; by fact_refund_order_idx and primary key."""
    return [*await _READ_GIVEN_BACK.run(tx, orders), *await _READ_REFUND.run(tx, refunds)]


async def load_entries(tx: Tx, orders: Iterable[Key], entries: Iterable[Key]) -> list[FactPoints]:
    """Entries of orders, and entries named; by fact_points_order_idx and primary key."""
    return [*await _READ_CREDITED.run(tx, orders), *await _READ_ENTRY.run(tx, entries)]


async def load_activities(
    tx: Tx, activities: Iterable[Key], customers: Iterable[Customer]
) -> list[FactActivity]:
    """Activities named, and all of some customers; by primary key and fact_activity_subject_idx."""
    whole = [(c.program_id, c.subject_id, c.customer_id) for c in customers]
    return [*await _READ_ACTIVITY.run(tx, activities), *await _READ_DONE.run(tx, whole)]


async def load_progress(tx: Tx, programs: Iterable[int]) -> tuple[datetime, list[Progress]]:
    """When the transaction began, and how far each program is, by primary key. Not locked."""
    rows = await tx.fetch(
        """
        select k.program_id, p.as_of, p.drained_at, coalesce(p.lag_seconds, 0) as lag_seconds,
               now() as begun_at
        from unnest($1::integer[]) k (program_id)
        left join progress p on p.program_id = k.program_id
        """,
        sorted(programs),
    )
    found = [
        Progress(row["program_id"], row["as_of"], row["drained_at"], row["lag_seconds"])
        for row in rows
    ]
    return rows[0]["begun_at"], found


async def clear_cells(tx: Tx, table: Table, added: Sequence[StoreCell]) -> int:
    """Remove cells that a batch has left nothing in; their number. They are locked already."""
    key = [column.name for column in table.primary_key]
    figures = [column.name for column in table.columns if column.name not in key]
    arrays = columns([cell.key for cell in added if cell.lowers], len(key))
    if not arrays[0]:
        return 0
    types = (
        f"${place}::{type_name(column.type)}[]" for place, column in enumerate(table.primary_key, 1)
    )
    return await tx.execute(
        f"""
        delete from {table.name} where ctid in (
          select f.ctid from unnest({", ".join(types)}) k ({", ".join(key)})
          cross join lateral (
            select t.ctid from {table.name} t
            where {" and ".join(f"t.{name} = k.{name}" for name in key)}
              and {" and ".join(f"t.{name} = 0" for name in figures)} offset 0) f)
        """,
        *arrays,
    )


_CUSTOMER: Final = bulk.stored(tables.CUSTOMER, Customer, links=(encode, decode_links))
_MEMBER: Final = bulk.stored(tables.MEMBER, Member, tiers=(encode, decode_timeline))
_ORDER: Final = bulk.stored(tables.FACT_ORDER, FactOrder)
_REFUND: Final = bulk.stored(tables.FACT_REFUND, FactRefund)
_ENTRY: Final = bulk.stored(tables.FACT_POINTS, FactPoints)
_ACTIVITY: Final = bulk.stored(tables.FACT_ACTIVITY, FactActivity)

_PLACE_CUSTOMER: Final = bulk.place(tables.CUSTOMER, links="[]")
_LOCK_CUSTOMER: Final = _CUSTOMER.locked("customer_id")
_PLACE_MEMBER: Final = bulk.place(tables.MEMBER, tags=0, tiers="{}")
_LOCK_MEMBER: Final = _MEMBER.locked("member_id")
_LOCK_ORDER: Final = _ORDER.locked("order_id")
_READ_REFUND: Final = _REFUND.by("refund_id")
_READ_GIVEN_BACK: Final = _REFUND.by("order_id")
_READ_ENTRY: Final = _ENTRY.by("entry_id")
_READ_CREDITED: Final = _ENTRY.by("order_id")
_READ_ACTIVITY: Final = _ACTIVITY.by("activity_id")
_READ_DONE: Final = _ACTIVITY.by("subject_id", "customer_id")
_FOUND: Final = ("program_id", "order_id", "customer_id", "completed_at")
_FIND_COMPLETED: Final = bulk.find(
    tables.FACT_ORDER, "order_id", only=_FOUND, where="completed_at is not null"
)
_FIND_BOUGHT: Final = bulk.find(tables.FACT_ORDER, "subject_id", "customer_id", only=_FOUND)
_FIND_RETIERED: Final = bulk.find(tables.FACT_ORDER, "member_id", only=_FOUND, after="completed_at")
_FIND_GIVEN_BACK: Final = bulk.find(
    tables.FACT_REFUND,
    "refund_id",
    only=("program_id", "order_id"),
    where="order_id is not null",
)

_CUSTOMERS: Final = _CUSTOMER.upsert()
_MEMBERS: Final = _MEMBER.upsert()
_ORDERS: Final = _ORDER.save()
_REFUNDS: Final = _REFUND.save()
_ENTRIES: Final = _ENTRY.insert()
_ACTIVITIES: Final = _ACTIVITY.save()
_COUPONS: Final = bulk.stored(tables.FACT_COUPON, FactCoupon).offer(
    """
    do update set version = excluded.version, revoked = excluded.revoked
    where (fact_coupon.version, fact_coupon.revoked) < (excluded.version, excluded.revoked)
    """
)
"""The highest version counts, whichever comes first: the row needs no lock before."""
_DAY_STORES: Final = bulk.stored(tables.DAY_STORE, DayStore).add()
_DAY_HOURS: Final = bulk.stored(tables.DAY_HOUR, DayHour).add()
_DAY_TIERS: Final = bulk.stored(tables.DAY_TIER, DayTier).add()
_DAY_POINTS: Final = bulk.stored(tables.DAY_POINTS, DayPoints).add()
_PROGRESS: Final = bulk.stored(tables.PROGRESS, Progress).offer(
    """
    do update set as_of = greatest(progress.as_of, excluded.as_of),
      drained_at = greatest(progress.drained_at, excluded.drained_at),
      lag_seconds = excluded.lag_seconds
    """
)
