"""Read SQL of points."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, func, select

from services.points import tables
from services.points.model import (
    POINTS,
    Entry,
    Lot,
    Purchase,
    PurchaseStatus,
    Refund,
    RefundState,
    TierSpan,
    decode_body,
    decode_refund,
)
from services.points.settings import PointsSettings
from shared.http.reading import Reader, values
from shared.settings.versions import Version, Versions

_SETTINGS = tables.METADATA.tables["settings"]


async def find_balance(reader: Reader, holder_id: UUID, now: datetime) -> Row[Any] | None:
    """The account, what of it has expired though no sweep ran yet, and the next expiry."""
    account, lot = tables.ACCOUNT, tables.LOT
    mine = (
        (lot.c.program_id == account.c.program_id)
        & (lot.c.holder_id == account.c.holder_id)
        & (lot.c.wallet == account.c.wallet)
        & (lot.c.open > lot.c.held)
    )
    lapsed = (
        select(func.coalesce(func.sum(lot.c.open - lot.c.held), 0))
        .where(mine, lot.c.expires_at <= now)
        .scalar_subquery()
    )
    following = (
        select(lot.c.expires_at, func.sum(lot.c.open - lot.c.held).label("amount"))
        .where(mine, lot.c.expires_at > now)
        .group_by(lot.c.expires_at)
        .order_by(lot.c.expires_at)
        .limit(1)
        .lateral()
    )
    return await reader.first(
        select(
            account,
            lapsed.label("lapsed"),
            following.c.expires_at.label("next_at"),
            following.c.amount.label("next_amount"),
        )
        .outerjoin(following, account.c.program_id == account.c.program_id)
        .where(
            account.c.program_id == reader.program.id,
            account.c.holder_id == holder_id,
            account.c.wallet == POINTS,
        )
    )


async def list_entries(
    reader: Reader, holder_id: UUID, before: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Entries of a wallet, the newest first, below a version."""
    entry = tables.ENTRY
    query = select(entry).where(
        entry.c.program_id == reader.program.id,
        entry.c.holder_id == holder_id,
        entry.c.wallet == POINTS,
    )
    if before is not None:
        query = query.where(entry.c.version < before)
    return await reader.all(query.order_by(entry.c.version.desc()).limit(limit))


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
    """Figures over the whole program that other services hold too."""
    program = reader.program.id
    purchase, refund, account = tables.PURCHASE, tables.REFUND, tables.ACCOUNT
    fact = tables.ACTIVITY_FACT
    rows = await reader.all(
        select(purchase.c.body).where(
            purchase.c.program_id == program, purchase.c.status != PurchaseStatus.DROPPED
        )
    )
    refunds = await reader.all(select(refund.c.body).where(refund.c.program_id == program))
    sums = await reader.first(
        select(
            select(func.coalesce(func.sum(account.c.balance), 0))
            .where(account.c.program_id == program, account.c.wallet == POINTS)
            .scalar_subquery()
            .label("points_balance"),
            select(
                func.count(
                    func.distinct(
                        func.coalesce(fact.c.holder_id, fact.c.customer_id), fact.c.once_key
                    )
                )
            )
            .where(fact.c.program_id == program)
            .scalar_subquery()
            .label("check_ins"),
        )
    )
    assert sums is not None
    return {
        "orders": len(rows),
        "order_total_minor": sum(_total(row.body) for row in rows),
        "refunds": len(refunds),
        "refund_total_minor": sum(_total(row.body) for row in refunds),
        "check_ins": int(sums.check_ins),
        "points_balance": int(sums.points_balance),
    }


class _Total(msgspec.Struct):
    total_minor: int


_TOTAL = msgspec.json.Decoder(_Total)


def _total(body: bytes) -> int:
    return _TOTAL.decode(body).total_minor
