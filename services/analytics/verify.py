"""The invariants of analytics, recomputed: facts from what they follow from, cells from the facts.

Cells are counted anew in SQL, apart from the rules that move them.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.analytics.measures import MEASURES
from services.analytics.model import (
    Customer,
    FactActivity,
    FactOrder,
    FactRefund,
    Key,
    Member,
    decode_lines,
    decode_timeline,
)
from services.analytics.rules.belonging import own_activity
from services.analytics.rules.completing import goods
from services.analytics.rules.counting import UNKNOWN
from services.analytics.rules.settling import Facts, settle
from services.analytics.store import load_entries, load_refunds
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, snapshot
from shared.ids import text_id
from shared.links import decode_links
from shared.programs import Program
from shared.service import Violation
from shared.verify import pages, violations

CELLS: Final = "A1 every cell = its orders and refunds counted anew"
POINTS: Final = "A2 every cell of points = its entries counted anew"
NUMBERS: Final = "A3 a subject's orders are numbered 1..n by completion"
ORDERS: Final = "A4 orders and their refunds = what their facts make them; points = their entries"
ACTIVITIES: Final = "A5 activities are their customer's subject's"
BLOCK_DAYS: Final = 31
_KINDS: Final = {
    "day_store": ("''", "''", "''"),
    "day_hour": ("hour::text", "hour::text", "hour::text"),
    "day_tier": ("tier", f"coalesce(tier, '{UNKNOWN}')", f"coalesce(tier, '{UNKNOWN}')"),
}
"""By table of cells: its last key as text, and what that is of an order and of a refund."""
_FIGURES: Final = ", ".join(measure.name for measure in MEASURES)


async def cells(database: Database, program: Program) -> Sequence[Violation]:
    """A1, per block of days."""
    found: list[Violation] = []
    async for tx, first, last in _blocks(database, program):
        for table, (key, of_order, of_refund) in _KINDS.items():
            rows = await tx.fetch(
                f"""
                select day, store_id, place, {_sums(stored=False)} as expected,
                       {_sums(stored=True)} as found
                from (
                  select true as stored, day, store_id, {key} as place, {_FIGURES}
                  from {table} where program_id = $1 and day between $2 and $3
                  union all
                  select false, day, store_id, {of_order}, 1, (seq is not distinct from 1)::int,
                         units, case when currency = $4 then total_minor else 0 end, 0,
                         case when currency = $4 then total_minor - refunded_minor else 0 end,
                         points
                  from fact_order where program_id = $1 and day between $2 and $3
                  union all
                  select false, day, store_id, {of_refund}, 0, 0, 0, 0,
                         case when currency = $4 then amount_minor else 0 end, 0, 0
                  from fact_refund where program_id = $1 and day between $2 and $3) line
                group by day, store_id, place
                having {_sums(stored=False)} <> {_sums(stored=True)}
                """,
                program.id,
                first,
                last,
                program.currency,
            )
            found += [_violation(table, row) for row in rows]
    return found


async def points(database: Database, program: Program) -> Sequence[Violation]:
    """A2, per block of days."""
    found: list[Violation] = []
    async for tx, first, last in _blocks(database, program):
        rows = await tx.fetch(
            """
            select day, wallet, kind, account, source_kind,
                   coalesce(sum(points) filter (where not stored), 0)::bigint as expected,
                   coalesce(sum(points) filter (where stored), 0)::bigint as found
            from (
              select true as stored, day, wallet, kind, account, source_kind, points
              from day_points where program_id = $1 and day between $2 and $3
              union all
              select false, day, wallet, kind, account, source_kind, amount
              from fact_points where program_id = $1 and day between $2 and $3) line
            group by day, wallet, kind, account, source_kind
            having coalesce(sum(points) filter (where stored), 0)
                <> coalesce(sum(points) filter (where not stored), 0)
            """,
            program.id,
            first,
            last,
        )
        for row in rows:
            keys = {name: row[name] for name in ("wallet", "kind", "account", "source_kind")}
            keys["day"] = str(row["day"])
            found.append(Violation(POINTS, keys, row["expected"], row["found"]))
    return found


async def numbers(database: Database, program: Program) -> Sequence[Violation]:
    """A3, per subject."""
    found: list[Violation] = []
    for table, prefix in (("member", "mem"), ("customer", "cus")):
        async for tx, subjects in pages(database, program, table, f"{table}_id"):
            rows = await tx.fetch(
                """
                select subject_id as key, place as expected, seq as found
                from (
                  select subject_id, seq, row_number() over (
                    partition by subject_id order by completed_at, order_id) as place
                  from fact_order where program_id = $1 and subject_id = any($2::uuid[])) bought
                where seq is distinct from place
                """,
                program.id,
                subjects,
            )
            found += violations(NUMBERS, rows, prefix, "subject_id")
    return found


async def orders(database: Database, program: Program) -> Sequence[Violation]:
    """A4, per order: everything derived is derived again. A guest's order has no number."""
    found: list[Violation] = []
    async for tx, order_ids in pages(database, program, "fact_order", "order_id"):
        found += await _orders(tx, program, order_ids)
    return found


async def activities(database: Database, program: Program) -> Sequence[Violation]:
    """A5, per activity."""
    found: list[Violation] = []
    async for tx, activity_ids in pages(database, program, "fact_activity", "activity_id"):
        rows = await _rows(tx, program, "fact_activity", "activity_id", activity_ids)
        stored = [FactActivity(**row) for row in rows]
        customers = await _customers(tx, program, {row.customer_id for row in stored})
        for row in stored:
            owned = own_activity(row, customers[program.id, row.customer_id])
            if owned != row:
                keys = {"activity_id": text_id("act", row.activity_id)}
                found.append(Violation(ACTIVITIES, keys, _whose(owned), _whose(row)))
    return found


async def _orders(tx: Tx, program: Program, order_ids: Sequence[UUID]) -> list[Violation]:
    rows = await _rows(tx, program, "fact_order", "order_id", order_ids)
    stored = [FactOrder(**row) for row in rows]
    keys = [row.key for row in stored]
    refunds = await load_refunds(tx, keys, [])
    entries = await load_entries(tx, keys, [])
    customers = await _customers(tx, program, {row.customer_id for row in stored})
    linked = {link.member_id for customer in customers.values() for link in customer.links}
    members = await _members(tx, program, linked)
    found = []
    for order in stored:
        of_order = [row for row in refunds if row.order_id == order.order_id]
        facts = Facts(
            _bought(order),
            customers.get((program.id, order.customer_id)) if order.customer_id else None,
            members,
            of_order,
            [row for row in entries if row.order_id == order.order_id],
        )
        made, given = settle(facts)
        if (made, given) != (order, of_order):
            expected, held = _shown(made, given), _shown(order, of_order)
            named = {"order_id": text_id("ord", order.order_id)}
            found.append(Violation(ORDERS, named, expected, held))
    return found


def _bought(order: FactOrder) -> FactOrder:
    """The order with what its lines sum to; a guest's has no number."""
    lines = decode_lines(order.lines) if order.lines else []
    goods_minor, units = goods(lines)
    seq = order.seq if order.subject_id else None
    return replace(order, goods_minor=goods_minor, units=units, line_count=len(lines), seq=seq)


async def _customers(
    tx: Tx, program: Program, customer_ids: Iterable[UUID | None]
) -> dict[Key, Customer]:
    rows = await _rows(tx, program, "customer", "customer_id", customer_ids)
    found = [Customer(**dict(row) | {"links": decode_links(row["links"])}) for row in rows]
    return {row.key: row for row in found}


async def _members(tx: Tx, program: Program, member_ids: Iterable[UUID]) -> dict[Key, Member]:
    rows = await _rows(tx, program, "member", "member_id", member_ids)
    found = [Member(**dict(row) | {"tiers": decode_timeline(row["tiers"])}) for row in rows]
    return {row.key: row for row in found}


async def _rows(
    tx: Tx, program: Program, table: str, key: str, ids: Iterable[UUID | None]
) -> Sequence[Row]:
    return await tx.fetch(
        f"select * from {table} where program_id = $1 and {key} = any($2::uuid[])",
        program.id,
        list(ids),
    )


async def _blocks(database: Database, program: Program) -> AsyncIterator[tuple[Tx, date, date]]:
    """Blocks of the days on which anything is, each with the snapshot to look in."""
    tables = (*_KINDS, "day_points", "fact_order", "fact_refund", "fact_points")
    days = " union all ".join(
        f"(select {edge}(day) as day from {table} where program_id = $1)"
        for table in tables
        for edge in ("min", "max")
    )
    async with snapshot(database) as tx:
        row = await tx.fetch_one(
            f"select min(day) as first, max(day) as last from ({days}) edge", program.id
        )
    assert row is not None
    first, last = row["first"], row["last"]
    while first is not None and first <= last:
        end = first + timedelta(days=BLOCK_DAYS - 1)
        async with snapshot(database) as tx:
            yield tx, first, end
        first = end + timedelta(days=1)


def _sums(*, stored: bool) -> str:
    chosen = "stored" if stored else "not stored"
    sums = (
        f"coalesce(sum({measure.name}) filter (where {chosen}), 0)::bigint" for measure in MEASURES
    )
    return f"array[{', '.join(sums)}]"


def _violation(table: str, row: Row) -> Violation:
    keys = {
        "table": table,
        "day": str(row["day"]),
        "store_id": text_id("sto", row["store_id"]),
        "place": row["place"],
    }
    return Violation(CELLS, keys, row["expected"], row["found"])


def _shown(order: FactOrder, refunds: Iterable[FactRefund]) -> list[str]:
    return [str(replace(order, lines=b"")), *map(str, refunds)]


def _whose(activity: FactActivity) -> list[str]:
    return [str(activity.subject_id), str(activity.member_id)]


CHECKS: Final = {
    CELLS: cells,
    POINTS: points,
    NUMBERS: numbers,
    ORDERS: orders,
    ACTIVITIES: activities,
}
