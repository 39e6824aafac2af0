"""Read SQL of points."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ColumnElement, Row, Table, cast, func, select, tuple_

from services.points import tables
from services.points.model import (
    POINTS,
    Entry,
    Lot,
    Purchase,
    PurchaseStatus,
    Refund,
    RefundState,
    Rule,
    TierSpan,
    decode_body,
    decode_refund,
)
from services.points.settings import PointsSettings
from shared.db.transaction import Row as Line
from shared.db.transaction import Tx
from shared.http.reading import Reader, values
from shared.settings.versions import Version, Versions

Way = Literal["in", "out"]
_SETTINGS = tables.METADATA.tables["settings"]


_BALANCE: Final = f"""
select p.program_id, p.currency, a.balance, a.open, a.held, a.pending, a.debt, a.version,
  lapsed.amount as lapsed, following.expires_at as next_at, following.amount as next_amount
from program p
left join account a on a.program_id = p.program_id and a.holder_id = $2 and a.wallet = {POINTS}
left join lateral (
  select coalesce(sum(open - held), 0)::bigint as amount from lot
  where program_id = a.program_id and holder_id = a.holder_id and wallet = a.wallet
    and open > 0 and open > held and expires_at <= $3) lapsed on true
left join lateral (
  select expires_at, sum(open - held)::bigint as amount from lot
  where program_id = a.program_id and holder_id = a.holder_id and wallet = a.wallet
    and open > 0 and open > held and expires_at > $3
  group by expires_at order by expires_at limit 1) following on true
where p.public_id = $1
"""


async def find_balance(tx: Tx, program: UUID, holder_id: UUID, now: datetime) -> Line | None:
    """The account, what of it has expired though no sweep ran yet, and the next expiry.

    None: no such program; without an account its columns are null.
    """
    return await tx.fetch_one(_BALANCE, program, holder_id, now)


async def list_balances(reader: Reader, holders: Collection[UUID]) -> Sequence[Row[Any]]:
    """Balances of those who have a wallet, by id; by the table's key."""
    account = tables.ACCOUNT
    query = select(account.c.holder_id, account.c.balance).where(
        account.c.program_id == reader.program.id,
        account.c.holder_id.in_(list(holders)),
        account.c.wallet == POINTS,
    )
    return await reader.all(query.order_by(account.c.holder_id))


async def list_entries(
    reader: Reader, holder_id: UUID, before: int | None, limit: int, way: Way | None = None
) -> Sequence[Row[Any]]:
    """Entries of a wallet, the newest first, below a version; those that come in or go out."""
    entry = tables.ENTRY
    query = select(entry).where(
        entry.c.program_id == reader.program.id,
        entry.c.holder_id == holder_id,
        entry.c.wallet == POINTS,
    )
    if before is not None:
        query = query.where(entry.c.version < before)
    if way is not None:
        query = query.where(entry.c.amount > 0 if way == "in" else entry.c.amount < 0)
    return await reader.all(query.order_by(entry.c.version.desc()).limit(limit))


async def list_check_ins(
    reader: Reader, holder_id: UUID, first: date, last: date
) -> Sequence[Row[Any]]:
    """Days on which a member checked in, and points of each; by activity_fact_holder_idx."""
    fact = tables.ACTIVITY_FACT
    return await reader.all(
        select(fact.c.local_day, func.sum(fact.c.points).label("points"))
        .where(
            fact.c.program_id == reader.program.id,
            fact.c.holder_id == holder_id,
            fact.c.rule == Rule.CHECK_IN,
            fact.c.local_day.between(first, last),
        )
        .group_by(fact.c.local_day)
        .order_by(fact.c.local_day)
    )


async def list_lots(
    reader: Reader, holder_id: UUID, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Lots with something left, by id, after a cursor."""
    lot = tables.LOT
    query = select(lot).where(
        lot.c.program_id == reader.program.id, lot.c.holder_id == holder_id, lot.c.open > 0
    )
    if after is not None:
        query = query.where(lot.c.lot_id > after)
    return await reader.all(query.order_by(lot.c.lot_id).limit(limit))


async def find_entry(
    reader: Reader, source_id: UUID, source_kind: int, kind: int
) -> tuple[Entry, datetime] | None:
    """An entry by what its id is made of, and when it was posted."""
    entry = tables.ENTRY
    row = await reader.first(
        select(entry).where(
            entry.c.program_id == reader.program.id,
            entry.c.source_kind == source_kind,
            entry.c.source_id == source_id,
            entry.c.kind == kind,
        )
    )
    if row is None:
        return None
    columns = values(row)
    posted_at = columns.pop("posted_at")
    return Entry(**columns), posted_at


async def find_purchase(reader: Reader, order_id: UUID) -> Purchase | None:
    """An order by id."""
    purchase = tables.PURCHASE
    row = await reader.first(
        select(purchase).where(
            purchase.c.program_id == reader.program.id, purchase.c.order_id == order_id
        )
    )
    if row is None:
        return None
    return Purchase(**values(row) | {"body": decode_body(row.body)})


async def list_sourced(reader: Reader, sources: Collection[tuple[int, UUID]]) -> Sequence[Row[Any]]:
    """Entries of these sources (kind, id), as they were posted; by the table's unique key."""
    entry = tables.ENTRY
    query = select(entry).where(
        entry.c.program_id == reader.program.id,
        tuple_(entry.c.source_kind, entry.c.source_id).in_(list(sources)),
    )
    return await reader.all(query.order_by(entry.c.posted_at, entry.c.version))


async def list_refunds(reader: Reader, order_id: UUID) -> list[Refund]:
    """Refunds of an order, in the order in which they happened."""
    refund = tables.REFUND
    rows = await reader.all(
        select(refund)
        .where(refund.c.program_id == reader.program.id, refund.c.order_id == order_id)
        .order_by(refund.c.at, refund.c.refund_id)
    )
    return [Refund(**values(row) | {"body": decode_refund(row.body)}) for row in rows]


async def list_spans(reader: Reader, holder_id: UUID) -> list[TierSpan]:
    """All tier spans of a member, superseded ones too."""
    span = tables.TIER_SPAN
    rows = await reader.all(
        select(span).where(span.c.program_id == reader.program.id, span.c.holder_id == holder_id)
    )
    return [TierSpan(**values(row)) for row in rows]


async def find_lot(reader: Reader, lot_id: UUID) -> Lot | None:
    """A lot by id."""
    lot = tables.LOT
    row = await reader.first(
        select(lot).where(lot.c.program_id == reader.program.id, lot.c.lot_id == lot_id)
    )
    return Lot(**values(row)) if row else None


async def find_versions(reader: Reader) -> Versions[PointsSettings]:
    """The program's published settings."""
    rows = await reader.all(
        select(_SETTINGS.c.version, _SETTINGS.c.effective_from, _SETTINGS.c.body).where(
            _SETTINGS.c.program_id == reader.program.id,
            _SETTINGS.c.document == "points",
            _SETTINGS.c.state == 1,
        )
    )
    return Versions(
        tuple(
            Version(row.version, row.effective_from, PointsSettings.model_validate(row.body))
            for row in rows
        )
    )


async def list_exceptions(reader: Reader, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Refunds that gave back more than there was, or name no order, by id, after a cursor."""
    refund = tables.REFUND
    query = select(refund).where(
        refund.c.program_id == reader.program.id,
        (refund.c.clipped_minor > 0) | (refund.c.state == RefundState.UNMATCHED),
    )
    if after is not None:
        query = query.where(refund.c.refund_id > after)
    return await reader.all(query.order_by(refund.c.refund_id).limit(limit))


async def count_totals(reader: Reader) -> dict[str, int]:
    """Figures over the whole program; those that other services hold too must agree."""
    program = reader.program.id
    purchase, refund, account = tables.PURCHASE, tables.REFUND, tables.ACCOUNT
    fact = tables.ACTIVITY_FACT
    row = await reader.first(
        select(
            _sum(func.count(), purchase.c.program_id == program, _known(purchase)).label("orders"),
            _sum(_total(purchase.c.body), purchase.c.program_id == program, _known(purchase)).label(
                "order_total_minor"
            ),
            _sum(func.count(), refund.c.program_id == program).label("refunds"),
            _sum(_total(refund.c.body), refund.c.program_id == program).label("refund_total_minor"),
            _sum(
                func.count(
                    func.distinct(
                        func.coalesce(fact.c.holder_id, fact.c.customer_id), fact.c.once_key
                    )
                ),
                fact.c.program_id == program,
            ).label("check_ins"),
            _sum(func.sum(purchase.c.posted), purchase.c.program_id == program).label(
                "points_from_orders"
            ),
            _sum(
                func.sum(account.c.balance),
                account.c.program_id == program,
                account.c.wallet == POINTS,
            ).label("points_balance"),
        )
    )
    assert row is not None
    return {name: int(value) for name, value in values(row).items()}


def _known(purchase: Table) -> ColumnElement[bool]:
    return purchase.c.status != PurchaseStatus.DROPPED


def _sum(figure: ColumnElement[Any], *where: ColumnElement[bool]) -> ColumnElement[Any]:
    return select(func.coalesce(figure, 0)).where(*where).scalar_subquery()


def _total(body: ColumnElement[bytes]) -> ColumnElement[Any]:
    """Sum of the totals that a stored event's data, JSON in bytes, says."""
    text = cast(func.convert_from(body, "UTF8"), JSON)
    return func.sum(cast(text["total_minor"].as_string(), BigInteger))
