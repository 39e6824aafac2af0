"""Read SQL of analytics. `stores` narrows a figure to these stores; None: all."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    case,
    false,
    func,
    literal,
    select,
    true,
    union_all,
)

from services.analytics import tables
from services.analytics.model import (
    ACCOUNTS,
    CHECK_IN,
    SOURCE_KINDS,
    WALLET,
    RefundKind,
)
from services.analytics.settings import AnalyticsSettings
from shared.http.reading import Reader, values
from shared.settings.versions import Version, Versions

Stores = Sequence[UUID] | None


class Found(Struct, frozen=True):
    """What is known of a subject."""

    member: Row[Any] | None
    """None: a customer without one."""
    customers: Sequence[UUID]
    """Whose facts are its own."""
    bought: Row[Any]
    active_on: date | None
    """The last day with anything but an order."""


_SETTINGS = tables.METADATA.tables["settings"]
_STORE = tables.METADATA.tables["store"]
_PURCHASES = tuple(
    SOURCE_KINDS[word] for word in ("order", "refund", "cancel", "tier", "link", "settings")
)
"""Sources that points are issued for only with an order: itself, and what corrects it."""


async def find_store(reader: Reader, store_id: UUID) -> Row[Any] | None:
    """A store of the program."""
    return await reader.first(
        select(_STORE).where(
            _STORE.c.program_id == reader.program.id, _STORE.c.store_id == store_id
        )
    )


async def find_settings(reader: Reader, now: datetime) -> AnalyticsSettings:
    """The settings in force, or the defaults."""
    rows = await reader.all(
        select(_SETTINGS.c.version, _SETTINGS.c.effective_from, _SETTINGS.c.body).where(
            _SETTINGS.c.program_id == reader.program.id,
            _SETTINGS.c.document == "analytics",
            _SETTINGS.c.state == 1,
        )
    )
    versions = Versions(
        tuple(
            Version(row.version, row.effective_from, AnalyticsSettings.model_validate(row.body))
            for row in rows
        )
    )
    version = versions.at(now)
    return version.body if version else AnalyticsSettings()


async def find_progress(reader: Reader) -> Row[Any] | None:
    """How far the program's events are applied; None: none was."""
    progress = tables.PROGRESS
    return await reader.first(select(progress).where(progress.c.program_id == reader.program.id))


async def count_members(reader: Reader, start: date, end: date, stores: Stores) -> Row[Any]:
    """Members now (value, tagged), joined and left in a range of days; by member_joined_idx."""
    member = tables.MEMBER
    stays = member.c.left_day.is_(None)
    return await _one(
        reader,
        select(
            func.count().filter(stays).label("value"),
            func.count().filter(stays, member.c.tags > 0).label("tagged"),
            func.count().filter(member.c.joined_day.between(start, end)).label("new"),
            func.count().filter(member.c.left_day.between(start, end)).label("left"),
        ).where(
            member.c.program_id == reader.program.id,
            member.c.joined_day.is_not(None),
            _within(member.c.store_id, stores),
        ),
    )


async def count_followers(reader: Reader, stores: Stores) -> int:
    """Customers whose last favourite of kind store is on; by customer_follower_idx."""
    customer = tables.CUSTOMER
    row = await _one(
        reader,
        select(func.count().label("value")).where(
            customer.c.program_id == reader.program.id,
            customer.c.follows_store.is_not(None),
            _within(customer.c.follows_store, stores),
        ),
    )
    return int(row.value)


async def count_active(reader: Reader, start: date, end: date, stores: Stores) -> Row[Any]:
    """Distinct subjects who did anything in a range of days, and those who bought.

    By fact_order_day_idx and fact_activity_day_idx.
    """
    order, activity = tables.FACT_ORDER, tables.FACT_ACTIVITY
    doing = union_all(
        select(order.c.subject_id, true().label("bought")).where(
            order.c.subject_id.is_not(None), *_days(order, reader, start, end, stores)
        ),
        select(activity.c.subject_id, false().label("bought")).where(
            *_days(activity, reader, start, end, stores)
        ),
    ).subquery()
    subject = (
        select(func.bool_or(doing.c.bought).label("bought")).group_by(doing.c.subject_id).subquery()
    )
    return await _one(
        reader,
        select(
            func.count().label("value"),
            func.count().filter(subject.c.bought).label("purchase_active"),
        ).select_from(subject),
    )


async def sum_sales(reader: Reader, start: date, end: date, stores: Stores) -> Row[Any]:
    """Orders and amounts of a range of days, from the cells."""
    cell = tables.DAY_STORE
    return await _one(
        reader,
        select(
            _sum(cell.c.orders).label("orders"),
            _sum(cell.c.gross_minor).label("gross"),
            _sum(cell.c.refunds_minor).label("refunds"),
            _sum(cell.c.net_minor).label("net"),
        ).where(*_days(cell, reader, start, end, stores)),
    )


async def count_buyers(reader: Reader, start: date, end: date, stores: Stores) -> Row[Any]:
    """Buyers of a range of days, their orders, and those who had bought before.

    Counted from the facts, since buyers of days do not add up; by fact_order_day_idx alone.
    """
    order = tables.FACT_ORDER
    buyer = (
        select(func.count().label("orders"), func.bool_or(order.c.seq > 1).label("again"))
        .where(order.c.subject_id.is_not(None), *_days(order, reader, start, end, stores))
        .group_by(order.c.subject_id)
        .subquery()
    )
    return await _one(
        reader,
        select(
            func.count().label("buyers"),
            _sum(buyer.c.orders).label("orders"),
            func.count().filter(buyer.c.again).label("again"),
        ).select_from(buyer),
    )


async def sum_points(reader: Reader, start: date, end: date) -> Row[Any]:
    """Points of a range of days by book account, what orders gave of them, and all to its end."""
    cell = tables.DAY_POINTS
    inside = cell.c.day >= start

    def moved(*conditions: ColumnElement[bool]) -> ColumnElement[Any]:
        return _sum(case((inside & _all(*conditions), cell.c.points), else_=0))

    issued = cell.c.account == ACCOUNTS["issued"]
    return await _one(
        reader,
        select(
            moved(issued).label("issued"),
            (-moved(cell.c.account == ACCOUNTS["redeemed"])).label("redeemed"),
            (-moved(cell.c.account == ACCOUNTS["expired"])).label("expired"),
            (-moved(cell.c.account == ACCOUNTS["reversed"])).label("reversed"),
            moved(issued, cell.c.source_kind.in_(_PURCHASES)).label("purchases"),
            _sum(cell.c.points).label("outstanding"),
        ).where(
            cell.c.program_id == reader.program.id,
            cell.c.wallet == WALLET,
            cell.c.day <= end,
        ),
    )


async def sum_days(
    reader: Reader, figure: str, start: date, end: date, stores: Stores
) -> Sequence[Row[Any]]:
    """A figure of the cells by day, of the days that have any; by the table's key."""
    cell = tables.DAY_STORE
    return await reader.all(
        select(cell.c.day, _sum(cell.c[figure]).label("value"))
        .where(*_days(cell, reader, start, end, stores))
        .group_by(cell.c.day)
    )


async def count_joined(
    reader: Reader, start: date, end: date, stores: Stores
) -> Sequence[Row[Any]]:
    """Who joined, by day, of the days on which somebody did; by member_joined_idx."""
    member = tables.MEMBER
    return await reader.all(
        select(member.c.joined_day.label("day"), func.count().label("value"))
        .where(
            member.c.program_id == reader.program.id,
            member.c.joined_day.between(start, end),
            _within(member.c.store_id, stores),
        )
        .group_by(member.c.joined_day)
    )


async def list_bought(
    reader: Reader, members: Collection[UUID], stores: Stores
) -> Sequence[Row[Any]]:
    """Members with what their orders come to, by id; of stores those who bought there.

    By member_pkey and fact_order_subject_idx.
    """
    member, order = tables.MEMBER, tables.FACT_ORDER
    ours = order.c.currency == reader.program.currency
    net = case((ours, order.c.total_minor - order.c.refunded_minor), else_=0)
    same = (order.c.program_id == member.c.program_id) & (order.c.subject_id == member.c.member_id)
    query = (
        select(
            member.c.member_id,
            member.c.tiers,
            func.count(order.c.order_id).label("orders"),
            func.max(order.c.completed_at).label("last_at"),
            _sum(net).label("net"),
        )
        .select_from(member.outerjoin(order, same & _within(order.c.store_id, stores)))
        .where(member.c.program_id == reader.program.id, member.c.member_id.in_(list(members)))
        .group_by(member.c.member_id, member.c.tiers)
        .order_by(member.c.member_id)
    )
    bought_there = func.count(order.c.order_id) > 0
    return await reader.all(query if stores is None else query.having(bought_there))


async def find_subject(reader: Reader, subject_id: UUID, stores: Stores) -> Found | None:
    """What is known of a subject; None for one without customers, or unknown in these stores."""
    found = Found(
        await find_member(reader, subject_id),
        await list_customers(reader, subject_id),
        await sum_orders(reader, subject_id, stores),
        await find_last_activity(reader, subject_id, stores),
    )
    if found.member is None and not found.customers:
        return None
    unseen = stores is not None and not found.bought.orders and found.active_on is None
    return None if unseen else found


async def find_member(reader: Reader, member_id: UUID) -> Row[Any] | None:
    """A member by id."""
    member = tables.MEMBER
    return await reader.first(
        select(member).where(
            member.c.program_id == reader.program.id, member.c.member_id == member_id
        )
    )


async def list_customers(reader: Reader, subject_id: UUID) -> list[UUID]:
    """Customers whose facts belong to a subject, by id; by customer_member_idx and key."""
    customer = tables.CUSTOMER
    rows = await reader.all(
        select(customer.c.customer_id)
        .where(
            customer.c.program_id == reader.program.id,
            (customer.c.member_id == subject_id)
            | (customer.c.member_id.is_(None) & (customer.c.customer_id == subject_id)),
        )
        .order_by(customer.c.customer_id)
    )
    return [row.customer_id for row in rows]


async def sum_orders(reader: Reader, subject_id: UUID, stores: Stores) -> Row[Any]:
    """A subject's orders: how many, when, and what they come to; by fact_order_subject_idx."""
    order = tables.FACT_ORDER
    ours = order.c.currency == reader.program.currency
    gross = case((ours, order.c.total_minor), else_=0)
    net = case((ours, order.c.total_minor - order.c.refunded_minor), else_=0)
    return await _one(
        reader,
        select(
            func.count().label("orders"),
            func.min(order.c.completed_at).label("first_at"),
            func.max(order.c.completed_at).label("last_at"),
            _sum(order.c.units).label("units"),
            _sum(gross).label("gross"),
            _sum(net).label("net"),
            _sum(order.c.points).label("points"),
        ).where(
            order.c.program_id == reader.program.id,
            order.c.subject_id == subject_id,
            _within(order.c.store_id, stores),
        ),
    )


async def find_last_activity(reader: Reader, subject_id: UUID, stores: Stores) -> date | None:
    """The last day on which a subject did something other than buying."""
    activity = tables.FACT_ACTIVITY
    row = await _one(
        reader,
        select(func.max(activity.c.day).label("day")).where(
            activity.c.program_id == reader.program.id,
            activity.c.subject_id == subject_id,
            _within(activity.c.store_id, stores),
        ),
    )
    return cast("date | None", row.day)


async def count_totals(reader: Reader) -> dict[str, int]:
    """Figures over the whole program; those that other services hold too must agree."""
    program = reader.program.id
    member, order, refund = tables.MEMBER, tables.FACT_ORDER, tables.FACT_REFUND
    activity, points, coupon = tables.FACT_ACTIVITY, tables.DAY_POINTS, tables.FACT_COUPON
    whose = func.coalesce(activity.c.member_id, activity.c.customer_id)
    completed = (order.c.program_id == program) & order.c.completed_at.is_not(None)
    told = (refund.c.program_id == program) & (refund.c.kind != RefundKind.CANCELLATION)
    figures = {
        "members": select(func.count()).where(
            member.c.program_id == program,
            member.c.joined_day.is_not(None),
            member.c.left_day.is_(None),
        ),
        "orders": select(func.count()).where(completed),
        "lines": select(_sum(order.c.line_count)).where(completed),
        "order_total_minor": select(_sum(order.c.total_minor)).where(completed),
        "refunds": select(func.count()).where(told),
        "refund_total_minor": select(_sum(refund.c.amount_minor)).where(told),
        "check_ins": select(func.count(func.distinct(whose, activity.c.day))).where(
            activity.c.program_id == program, activity.c.kind == CHECK_IN
        ),
        "points_balance": select(_sum(points.c.points)).where(
            points.c.program_id == program, points.c.wallet == WALLET
        ),
        "coupons": select(func.count()).where(
            coupon.c.program_id == program, coupon.c.revoked.is_(False)
        ),
    }
    row = await _one(
        reader, select(*(each.scalar_subquery().label(name) for name, each in figures.items()))
    )
    return {name: int(value) for name, value in values(row).items()}


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0)


def _all(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    found: ColumnElement[bool] = literal(value=True)
    for condition in conditions:
        found &= condition
    return found


def _within(column: ColumnElement[Any], stores: Stores) -> ColumnElement[bool]:
    return true() if stores is None else column.in_(stores)


def _days(
    table: Table, reader: Reader, start: date, end: date, stores: Stores
) -> tuple[ColumnElement[bool], ...]:
    """Rows of a range of local days, in some stores."""
    return (
        table.c.program_id == reader.program.id,
        table.c.day.between(start, end),
        _within(table.c.store_id, stores),
    )


async def _one(reader: Reader, query: Any) -> Row[Any]:  # noqa: ANN401 - any select
    row = await reader.first(query)
    assert row is not None
    return row
