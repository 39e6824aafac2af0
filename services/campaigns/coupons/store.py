"""Write SQL of coupons. One statement a function.

A coupon's row is its lock. One that an order names before it is issued has a row already, which
only holds its place; one that is issued must find none that it has not read. So whichever comes
first, the other sees it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.campaigns.coupons import tables
from services.campaigns.coupons.model import (
    Coupon,
    CouponBook,
    CouponState,
    HistoryLine,
    Holder,
    Key,
    Naming,
    Quota,
    Stock,
    Template,
)
from services.campaigns.coupons.settings import CouponSettings
from shared.db import bulk
from shared.db.bulk import columns
from shared.db.transaction import Tx
from shared.errors import Shortage


class Wanted(Struct):
    """Which coupons a batch is about, by program and id."""

    coupons: set[Key]
    sources: set[Key]
    """Orders and members that they came from."""
    customers: set[Key]
    """Whose orders they came from."""
    orders: set[Key]
    """That name them."""

    def arrays(self) -> list[list[object]]:
        """Arguments of the statements that read them."""
        keys = (self.coupons, self.sources, self.customers, self.orders)
        return [array for each in keys for array in columns(each, 2)]


_KEYS: Final = """
    select * from unnest($1::integer[], $2::uuid[])
    union
    select c.program_id, c.coupon_id from unnest($3::integer[], $4::uuid[]) k (program_id, id)
    join coupon c on k.program_id = c.program_id and k.id = c.source_id
    union
    select c.program_id, c.coupon_id from unnest($5::integer[], $6::uuid[]) k (program_id, id)
    join coupon c on k.program_id = c.program_id and k.id = c.customer_id
    union
    select n.program_id, n.coupon_id from unnest($7::integer[], $8::uuid[]) k (program_id, id)
    join coupon_naming n on k.program_id = n.program_id and k.id = n.order_id
"""


async def find_holders(tx: Tx, wanted: Wanted) -> list[tuple[int, Holder]]:
    """Whose the coupons are, before anything is locked.

    By primary key, coupon_source_idx, coupon_customer_idx, coupon_naming_order_idx.
    """
    rows = await tx.fetch(
        f"""
        select distinct c.program_id, c.holder_kind, c.holder_id from coupon c
        where (c.program_id, c.coupon_id) in ({_KEYS}) and c.state <> 0
        """,
        *wanted.arrays(),
    )
    return [(row["program_id"], Holder(row["holder_kind"], row["holder_id"])) for row in rows]


async def place_coupons(tx: Tx, keys: Iterable[Key]) -> None:
    """Last wave, first half: hold the places of coupons that are named and perhaps not issued."""
    arrays = columns(keys, 2)
    if arrays[0]:
        await tx.execute(
            """
            insert into coupon (program_id, coupon_id, state, version)
            select k.program_id, k.coupon_id, 0, 0 from unnest($1::integer[], $2::uuid[])
              k (program_id, coupon_id)
            on conflict do nothing
            """,
            *arrays,
        )


async def lock_coupons(tx: Tx, wanted: Wanted) -> tuple[frozenset[Key], list[Coupon]]:
    """Last wave: lock the coupons, sorted. The keys that have a row; the coupons among them."""
    rows = await tx.fetch(
        f"""
        select c.* from coupon c where (c.program_id, c.coupon_id) in ({_KEYS})
        order by c.program_id, c.coupon_id for update of c
        """,
        *wanted.arrays(),
    )
    placed = frozenset((row["program_id"], row["coupon_id"]) for row in rows)
    return placed, [Coupon(**row) for row in rows if row["state"] != CouponState.NAMED]


async def load_namings(tx: Tx, coupons: Iterable[Key]) -> list[Naming]:
    """The orders that name coupons, by primary key."""
    return await _READ_NAMING.run(tx, coupons)


async def load_templates(
    tx: Tx, templates: Iterable[Key], campaigns: Iterable[Key]
) -> list[Template]:
    """Templates named, and those of campaigns; by primary key and coupon_template_campaign_idx."""
    named = await _READ_TEMPLATE.run(tx, templates)
    return [*named, *await _READ_PROMISED.run(tx, campaigns)]


async def load_stocks(tx: Tx, templates: Iterable[Key]) -> list[Stock]:
    """What is taken of stocks, not locked; by primary key."""
    return [replace(each, read=each.taken) for each in await _READ_STOCK.run(tx, templates)]


async def load_quotas(tx: Tx, most: Mapping[Key, int], holders: Iterable[Key]) -> list[Quota]:
    """What holders have of the templates that limit it, not locked; by primary key."""
    pairs = {
        (program_id, template_id, holder_id)
        for program_id, template_id in most
        for other, holder_id in holders
        if other == program_id
    }
    return [
        replace(each, most=most[each.program_id, each.quota_id], read=each.taken)
        for each in await _READ_QUOTA.run(tx, pairs)
    ]


async def save_coupons(tx: Tx, book: CouponBook) -> None:
    """Write what changed of coupons, one statement per table. Limits come apart, last of all.

    Raises Shortage when a coupon that is new has got a row meanwhile: an order named it.
    """
    await _TEMPLATES.run(tx, book.changed(Template))
    coupons = book.changed(Coupon)
    new = [coupon for coupon in coupons if coupon.key not in book.placed]
    if await _NEW.run(tx, new) < len(new):
        raise Shortage({coupon.key: 0 for coupon in new})
    await _KNOWN.run(tx, [coupon for coupon in coupons if coupon.key in book.placed])
    await _NAMINGS.run(tx, book.changed(Naming))
    await _LINES.run(tx, book.changed(HistoryLine))


async def save_limits(tx: Tx, book: CouponBook) -> None:
    """Counters, last: what is newly issued only if there is so much left.

    Raises Shortage when somebody else has taken it since it was read.
    """
    stocks, quotas = book.changed(Stock), book.changed(Quota)
    await _STOCKS.run(tx, [replace(each, taken=0) for each in stocks if each.read is None])
    await _QUOTAS.run(tx, [replace(each, taken=0) for each in quotas if each.read is None])
    moved = [stock for stock in stocks if stock.taken != (stock.read or 0)]
    sold_out = {stock.key for stock in moved} - await _count_stocks(tx, moved)
    used = [quota for quota in quotas if quota.taken != (quota.read or 0)]
    reached = {quota.key for quota in used} - await _count_quotas(tx, used)
    if sold_out or reached:
        raise Shortage(dict.fromkeys([*sold_out, *reached], 0))


async def _count_stocks(tx: Tx, stocks: Sequence[Stock]) -> set[tuple[object, ...]]:
    """Move counters by what this batch did; the keys of those that allowed it.

    What was decided holds as long as no more is taken than was read, or the total allows it anyway.
    """
    rows = [
        (*each.key, each.read or 0, each.taken - (each.read or 0), each.asked) for each in stocks
    ]
    if not rows:
        return set()
    found = await tx.fetch(
        """
        update stock s set taken = s.taken + k.by
        from unnest($1::integer[], $2::uuid[], $3::smallint[], $4::bigint[], $5::bigint[],
                    $6::boolean[]) k (program_id, stock_id, shard, read, by, asked)
        where s.program_id = k.program_id and s.stock_id = k.stock_id and s.shard = k.shard
          and (not k.asked or s.taken <= k.read or s.taken + k.by <= s.total)
        returning s.program_id, s.stock_id, s.shard
        """,
        *columns(rows, 6),
    )
    return {tuple(row) for row in found}


async def _count_quotas(tx: Tx, quotas: Sequence[Quota]) -> set[tuple[object, ...]]:
    """The same for what holders have."""
    rows = [
        (*each.key, each.read or 0, each.taken - (each.read or 0), each.asked, each.most)
        for each in quotas
    ]
    if not rows:
        return set()
    found = await tx.fetch(
        """
        update quota q set taken = q.taken + k.by
        from unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[],
                    $7::boolean[], $8::bigint[])
          k (program_id, quota_id, holder_id, period, read, by, asked, most)
        where q.program_id = k.program_id and q.quota_id = k.quota_id
          and q.holder_id = k.holder_id and q.period = k.period
          and (not k.asked or q.taken <= k.read or q.taken + k.by <= k.most)
        returning q.program_id, q.quota_id, q.holder_id, q.period
        """,
        *columns(rows, 8),
    )
    return {tuple(row) for row in found}


async def list_due_coupons(
    tx: Tx, program_id: int, boundary: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Coupons that end at or before a boundary, after a cursor, by coupon_due_idx."""
    rows = await tx.fetch(
        f"""
        select coupon_id from coupon
        where program_id = $1 and valid_to <= $2 and state = {int(CouponState.ISSUED)}
          and ($3::uuid is null or coupon_id > $3)
        order by coupon_id limit $4
        """,
        program_id,
        boundary,
        after,
        limit,
    )
    return [row["coupon_id"] for row in rows]


def _json(body: CouponSettings) -> str:
    return body.model_dump_json()


_TEMPLATE: Final = bulk.stored(
    tables.COUPON_TEMPLATE, Template, body=(_json, CouponSettings.model_validate_json)
)
_COUPON: Final = bulk.stored(tables.COUPON, Coupon)
_NAMING: Final = bulk.stored(tables.COUPON_NAMING, Naming)
_STOCK: Final = bulk.stored(tables.STOCK, Stock)
_QUOTA: Final = bulk.stored(tables.QUOTA, Quota)

_READ_TEMPLATE: Final = _TEMPLATE.by("template_id")
_READ_PROMISED: Final = _TEMPLATE.by("campaign_id")
_READ_NAMING: Final = _NAMING.by("coupon_id")
_READ_STOCK: Final = _STOCK.by("stock_id")
_READ_QUOTA: Final = _QUOTA.by("quota_id", "holder_id")

_TEMPLATES: Final = _TEMPLATE.insert()
_NEW: Final = _COUPON.offer()
_KNOWN: Final = _COUPON.upsert()
_NAMINGS: Final = _NAMING.upsert()
_LINES: Final = bulk.stored(tables.COUPON_HISTORY, HistoryLine).insert()
_STOCKS: Final = _STOCK.offer()
_QUOTAS: Final = _QUOTA.offer()
