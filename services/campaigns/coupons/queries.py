"""Read SQL of coupons."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select

from services.campaigns.coupons import tables
from services.campaigns.coupons.model import (
    Coupon,
    CouponState,
    HistoryLine,
    HolderKind,
    Template,
)
from services.campaigns.coupons.settings import CouponSettings
from shared.http.reading import Reader, values


async def list_coupons(
    reader: Reader, member_id: UUID, after: UUID | None, limit: int
) -> list[tuple[Coupon, Template]]:
    """Coupons of a member with their templates, by id, after a cursor; by coupon_holder_idx."""
    coupon = tables.COUPON
    query = _with_templates(reader).where(
        coupon.c.holder_id == member_id, coupon.c.holder_kind == HolderKind.MEMBER
    )
    if after is not None:
        query = query.where(coupon.c.coupon_id > after)
    rows = await reader.all(query.order_by(coupon.c.coupon_id).limit(limit))
    return [_coupon_of(row) for row in rows]


async def find_coupon(reader: Reader, coupon_id: UUID) -> tuple[Coupon, Template] | None:
    """A coupon that was issued, with its template."""
    row = await reader.first(_with_templates(reader).where(tables.COUPON.c.coupon_id == coupon_id))
    return _coupon_of(row) if row is not None else None


async def list_history(reader: Reader, coupon_id: UUID) -> list[HistoryLine]:
    """The history of a coupon, the first line first."""
    history = tables.COUPON_HISTORY
    rows = await reader.all(
        select(*(column for column in history.columns if column.name != "recorded_at"))
        .where(history.c.program_id == reader.program.id, history.c.coupon_id == coupon_id)
        .order_by(history.c.no)
    )
    return [HistoryLine(**values(row)) for row in rows]


async def list_templates(
    reader: Reader, after: UUID | None, limit: int
) -> list[tuple[Template, int | None]]:
    """Templates by id, after a cursor; each with what is left of its stock."""
    template = tables.COUPON_TEMPLATE
    query = _with_stock(reader)
    if after is not None:
        query = query.where(template.c.template_id > after)
    rows = await reader.all(query.order_by(template.c.template_id).limit(limit))
    return [(template_of(row), row.stock_left) for row in rows]


async def find_template(reader: Reader, template_id: UUID) -> tuple[Template, int | None] | None:
    """A template, with what is left of its stock."""
    row = await reader.first(
        _with_stock(reader).where(tables.COUPON_TEMPLATE.c.template_id == template_id)
    )
    return (template_of(row), row.stock_left) if row is not None else None


async def list_campaign_templates(reader: Reader, campaign_id: UUID) -> list[Template]:
    """The templates of a campaign, by their place."""
    template = tables.COUPON_TEMPLATE
    rows = await reader.all(
        select(template)
        .where(template.c.program_id == reader.program.id, template.c.campaign_id == campaign_id)
        .order_by(template.c.place)
    )
    return [template_of(row) for row in rows]


async def list_left(reader: Reader, campaign_id: UUID) -> list[Template]:
    """The templates of a campaign of which coupons are left, by their place."""
    template = tables.COUPON_TEMPLATE
    query = _with_stock(reader).where(template.c.campaign_id == campaign_id)
    rows = await reader.all(query.order_by(template.c.place))
    return [template_of(row) for row in rows if row.stock_left is None or row.stock_left > 0]


def counted(program_id: int) -> ColumnElement[int]:
    """Number of a program's coupons that were issued and are not revoked."""
    coupon = tables.COUPON
    return (
        select(func.count())
        .where(
            coupon.c.program_id == program_id,
            coupon.c.state.not_in([CouponState.NAMED, CouponState.REVOKED]),
        )
        .scalar_subquery()
    )


def template_of(row: Row[Any]) -> Template:
    """A template as it is read."""
    body = CouponSettings.model_validate(row.body)
    return Template(row.program_id, row.template_id, row.campaign_id, row.place, body)


def _with_templates(reader: Reader) -> Select[*tuple[Any, ...]]:
    coupon, template = tables.COUPON, tables.COUPON_TEMPLATE
    return (
        select(coupon, template.c.place, template.c.body)
        .join(
            template,
            (template.c.program_id == coupon.c.program_id)
            & (template.c.template_id == coupon.c.template_id),
        )
        .where(coupon.c.program_id == reader.program.id, coupon.c.version > 0)
    )


def _with_stock(reader: Reader) -> Select[*tuple[Any, ...]]:
    template, stock = tables.COUPON_TEMPLATE, tables.STOCK
    left = (
        select(func.greatest(0, func.sum(stock.c.total - stock.c.taken)))
        .where(
            stock.c.program_id == template.c.program_id,
            stock.c.stock_id == template.c.template_id,
        )
        .having(func.count() > 0)
        .scalar_subquery()
    )
    return select(template, left.label("stock_left")).where(
        template.c.program_id == reader.program.id
    )


def _coupon_of(row: Row[Any]) -> tuple[Coupon, Template]:
    found = values(row)
    template = template_of(row)
    names: Sequence[str] = Coupon.__struct_fields__
    return Coupon(**{name: found[name] for name in names}), template
