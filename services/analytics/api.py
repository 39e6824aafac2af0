"""Routes of analytics."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Request
from sqlalchemy import Row

from services.analytics import queries
from services.analytics.access import (
    FIRST_DAY,
    LAST_DAY,
    check_range,
    known_subject,
    seen_stores,
)
from services.analytics.model import decode_timeline
from services.analytics.queries import Found, Stores
from services.analytics.rfm.api import ROUTER as RFM
from services.analytics.rules.averaging import quotient, share_bp
from services.analytics.rules.tiering import in_force
from services.analytics.schemas import Home, Series, Subject, Subjects, Totals
from shared.clock import Clock
from shared.days import local_day, render
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.many import ManyMembers
from shared.http.reading import Reader, reading
from shared.ids import parse_id, text_id

ROUTER = router(prefix="/v1", tags=["analytics"])
ROUTER.include_router(RFM)
_Read = Annotated[Scope, Depends(scoped("analytics.read", by_store=True))]
_ReadAll = Annotated[Scope, Depends(scoped("analytics.read"))]
From = Annotated[
    date, Query(alias="from", ge=FIRST_DAY, le=LAST_DAY, description="First local day")
]
To = Annotated[date, Query(alias="to", ge=FIRST_DAY, le=LAST_DAY, description="Last local day")]
OfStore = Annotated[str | None, Query(description="Figures of this store alone")]
Metric = Annotated[Literal["net", "orders", "joined"], Query(description="Which figure")]
_DAY = timedelta(days=1)
MOST_DAYS: Final = 400
_FIGURES: Final[Mapping[str, str]] = {"net": "net_minor", "orders": "orders"}
"""Columns of the cells by metric."""


@ROUTER.get("/home", name="home.get", response_model=Home)
async def home(request: Request, start: From, end: To, scope: _Read, store: OfStore = None) -> Any:
    """The figures of the home page for a range of local days."""
    check_range(start, end)
    clock: Clock = request.app.state.clock
    async with reading(request, scope) as reader:
        stores = await seen_stores(reader, scope, store)
        settings = await queries.find_settings(reader, clock())
        progress = await queries.find_progress(reader)
        kpis = {
            **await _people(reader, start, end, stores, settings.active_days),
            "sales": await _sales(reader, start, end, stores),
            "points": await _points(reader, start, end) if stores is None else None,
        }
    return {
        "from": start,
        "to": end,
        "store": text_id("sto", stores[0]) if stores and len(stores) == 1 else None,
        "as_of": render(progress.as_of) if progress and progress.as_of else None,
        "lag_seconds": progress.lag_seconds if progress else 0,
        "compare": None,
        "kpis": kpis,
    }


@ROUTER.get("/subjects/{subject_id}", name="subjects.get", response_model=Subject)
async def subject(request: Request, subject_id: str, scope: _Read) -> Any:
    """A member, or a customer without one, as the facts show them."""
    identity = known_subject(subject_id, "subject")
    async with reading(request, scope) as reader:
        stores = await seen_stores(reader, scope, None)
        found = await queries.find_subject(reader, identity, stores)
        if found is None:
            raise HttpProblem(404, "not-found", "No such subject.")
        return _subject(reader, subject_id, found)


@ROUTER.post("/subjects:of", name="subjects.of", response_model=Subjects)
async def subjects(request: Request, body: ManyMembers, scope: _Read) -> Any:
    """What the orders of many members come to, for a page of them."""
    wanted = {parse_id("mem", each) for each in body.member_ids}
    async with reading(request, scope) as reader:
        rows = await queries.list_bought(reader, wanted, scope.store_uuids)
        return {"items": [_line(reader, row) for row in rows]}


@ROUTER.get("/series", name="series.get", response_model=Series)
async def series(
    request: Request, metric: Metric, start: From, end: To, scope: _Read, store: OfStore = None
) -> Any:
    """A figure day by day, of at most 400 local days; a day without anything has 0."""
    check_range(start, end, MOST_DAYS)
    async with reading(request, scope) as reader:
        stores = await seen_stores(reader, scope, store)
        progress = await queries.find_progress(reader)
        if metric == "joined":
            rows = await queries.count_joined(reader, start, end, stores)
        else:
            rows = await queries.sum_days(reader, _FIGURES[metric], start, end, stores)
    values = {row.day: int(row.value) for row in rows}
    days = [start + _DAY * number for number in range((end - start).days + 1)]
    return {
        "metric": metric,
        "from": start,
        "to": end,
        "as_of": render(progress.as_of) if progress and progress.as_of else None,
        "lag_seconds": progress.lag_seconds if progress else 0,
        "total": sum(values.values()),
        "days": [{"day": day, "value": values.get(day, 0)} for day in days],
    }


@ROUTER.get("/totals", name="totals.get", response_model=Totals)
async def totals(request: Request, scope: _ReadAll) -> Any:
    """Figures that the other services must agree with, over the whole program."""
    async with reading(request, scope) as reader:
        return await queries.count_totals(reader)


async def _people(
    reader: Reader, start: date, end: date, stores: Stores, active_days: int
) -> dict[str, Any]:
    """How many there are, came and went, did anything of late, are tagged, follow a store."""
    members = await queries.count_members(reader, start, end, stores)
    since = end - (active_days - 1) * _DAY
    active = await queries.count_active(reader, since, end, stores)
    return {
        "members": {"value": members.value, "new": members.new, "left": members.left},
        "active": {
            "value": active.value,
            "days": active_days,
            "purchase_active": active.purchase_active,
        },
        "tagged": {"value": members.tagged},
        "followers": {"value": await queries.count_followers(reader, stores)},
    }


async def _sales(reader: Reader, start: date, end: date, stores: Stores) -> dict[str, Any]:
    sales = await queries.sum_sales(reader, start, end, stores)
    buyers = await queries.count_buyers(reader, start, end, stores)
    return {
        "orders": sales.orders,
        "buyers": buyers.buyers,
        "gross": _money(reader, sales.gross),
        "refunds": _money(reader, sales.refunds),
        "net": _money(reader, sales.net),
        "average_order": _money(reader, quotient(int(sales.gross), int(sales.orders))),
        "orders_per_buyer_bp": share_bp(int(buyers.orders), buyers.buyers),
        "repeat_share_bp": share_bp(buyers.again, buyers.buyers),
    }


async def _points(reader: Reader, start: date, end: date) -> dict[str, Any]:
    points = await queries.sum_points(reader, start, end)
    return {
        "issued": points.issued,
        "redeemed": points.redeemed,
        "expired": points.expired,
        "reversed": points.reversed,
        "outstanding": points.outstanding,
        "purchase_share_bp": share_bp(int(points.purchases), int(points.issued)),
    }


def _subject(reader: Reader, subject_id: str, found: Found) -> dict[str, Any]:
    member, bought = found.member, found.bought
    spans = in_force(decode_timeline(member.tiers)) if member else ()
    last = local_day(bought.last_at, reader.program.zone) if bought.last_at else None
    return {
        "subject_id": subject_id,
        "kind": "member" if member else "customer",
        "customers": [text_id("cus", each) for each in found.customers],
        "joined": {"on": member.joined_day, "store": text_id("sto", member.store_id)}
        if member and member.joined_day
        else None,
        "tier": spans[-1].tier if spans else None,
        "bought": {
            "orders": bought.orders,
            "units": bought.units,
            "first_at": render(bought.first_at) if bought.first_at else None,
            "last_at": render(bought.last_at) if bought.last_at else None,
            "gross": _money(reader, bought.gross),
            "net": _money(reader, bought.net),
            "points": bought.points,
        },
        "last_active_on": max((day for day in (last, found.active_on) if day), default=None),
    }


def _line(reader: Reader, row: Row[Any]) -> dict[str, Any]:
    spans = in_force(decode_timeline(row.tiers))
    return {
        "member_id": text_id("mem", row.member_id),
        "tier": spans[-1].tier if spans else None,
        "orders": row.orders,
        "net": _money(reader, row.net),
        "last_at": render(row.last_at) if row.last_at else None,
    }


def _money(reader: Reader, amount: int) -> dict[str, Any]:
    return {"amount_minor": amount, "currency": reader.program.currency}
