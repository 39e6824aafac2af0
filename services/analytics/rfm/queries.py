"""The statement that scores: recency, frequency and money of every subject, by quintiles."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Row,
    Select,
    cast,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import array

from services.analytics import tables
from services.analytics.queries import Stores
from shared.db.tables import INSTANT
from shared.http.reading import Reader

_DAY_SECONDS: Final = 86_400
_PARTS: Final = 5
_CUTS: Final = range(1, _PARTS)


class Scored(Struct, frozen=True):
    """How many subjects there are of each R and F score, and a page of them by id."""

    counts: Sequence[tuple[int, int, int]]
    """R score, F score, subjects."""
    rows: Sequence[Row[Any]]
    """subject_id, customer (whether it is no member), recency, orders, net; r, f, m."""

    @property
    def subjects(self) -> int:
        """How many there are in all."""
        return sum(subjects for _, _, subjects in self.counts)


async def score(
    reader: Reader, at: datetime, stores: Stores, after: UUID | None, limit: int
) -> Scored:
    """Score all subjects who bought before an instant and of whose money something is left.

    One statement. Whole days from the last order to the instant, number of orders, and net, each
    against the cut points at 20, 40, 60 and 80 %: of n sorted values the one at index (n − 1) · p,
    interpolated. A score is by the number of cut points strictly below: r falls from 5, f and m
    rise from 1. Frequency is scored by rank, ties by the table `rfm_tie` where it has the subject,
    then by id.
    """
    scored = _scored(_measured(reader, at, stores), reader.program.id)
    tally = (
        select(scored.c.r, scored.c.f, func.count().label("subjects"))
        .group_by(scored.c.r, scored.c.f)
        .subquery()
    )
    whole = select(
        func.json_agg(func.json_build_array(tally.c.r, tally.c.f, tally.c.subjects)).label("counts")
    ).subquery()
    page = _page(scored, after, limit).subquery()
    rows = await reader.all(select(whole, page).select_from(whole.outerjoin(page, true())))
    counts = [(recency, frequency, n) for recency, frequency, n in rows[0].counts or ()]
    return Scored(counts, [row for row in rows if row.subject_id is not None])


def _measured(reader: Reader, at: datetime, stores: Stores) -> CTE:
    """Recency in whole days, number of orders and net of each subject.

    Orders in the program's currency count, those that were refunded too; the net is as of now.
    """
    order = tables.FACT_ORDER
    waited = literal(at, INSTANT) - func.max(order.c.completed_at)
    net = cast(func.sum(order.c.total_minor - order.c.refunded_minor), BigInteger)
    query = (
        select(
            order.c.subject_id,
            func.bool_or(order.c.subject_id == order.c.customer_id).label("customer"),
            cast(func.floor(func.extract("epoch", waited) / _DAY_SECONDS), BigInteger).label(
                "recency"
            ),
            func.count().label("orders"),
            net.label("net"),
        )
        .where(
            order.c.program_id == reader.program.id,
            order.c.subject_id.is_not(None),
            order.c.completed_at < at,
            order.c.currency == reader.program.currency,
        )
        .group_by(order.c.subject_id)
        .having(net > 0)
    )
    if stores is not None:
        query = query.where(order.c.store_id.in_(stores))
    return query.cte("measured")


def _scored(measured: CTE, program_id: int) -> CTE:
    """The scores beside what was measured."""
    tie = tables.RFM_TIE
    place = func.row_number().over(
        order_by=(measured.c.orders, tie.c.tie_key, measured.c.subject_id)
    )
    ranked = (
        select(measured, place.label("place"))
        .outerjoin(
            tie, (tie.c.program_id == program_id) & (tie.c.subject_id == measured.c.subject_id)
        )
        .cte("ranked")
    )
    cuts = _cuts(measured)
    return (
        select(
            ranked,
            (_PARTS - _below(ranked.c.recency, cuts.c.recency)).label("r"),
            (1 + _below(ranked.c.place, cuts.c.place)).label("f"),
            (1 + _below(ranked.c.net, cuts.c.net)).label("m"),
        )
        .join_from(ranked, cuts, true())
        .cte("scored")
    )


def _cuts(measured: CTE) -> CTE:
    """The cut points of recency, place and net, each five times over, so that they are whole."""
    values = (
        select(
            _ordered(measured.c.recency).label("recency"),
            _ordered(measured.c.net).label("net"),
            cast(func.count(), Integer).label("n"),
        )
        .cte("ordered")
        .prefix_with("materialized")
    )
    n = values.c.n
    places = array([cast(_PARTS + (n - 1) * part, BigInteger) for part in _CUTS])
    return (
        select(
            array([_cut(values.c.recency, n, part) for part in _CUTS]).label("recency"),
            array([_cut(values.c.net, n, part) for part in _CUTS]).label("net"),
            places.label("place"),
        )
        .cte("cut")
        .prefix_with("materialized")
    )


def _ordered(column: ColumnElement[int]) -> ColumnElement[Any]:
    return func.array_agg(column, type_=ARRAY(BigInteger)).aggregate_order_by(column)


def _cut(values: ColumnElement[Any], n: ColumnElement[int], part: int) -> ColumnElement[int]:
    """Five times the value at index (n − 1) · part / 5 of n sorted ones, between two by share."""
    low, rest = (n - 1) * part // _PARTS, (n - 1) * part % _PARTS
    lower, upper = values[low + 1], values[func.least(low + 2, n)]
    return lower * _PARTS + (upper - lower) * rest


def _below(value: ColumnElement[int], cuts: ColumnElement[Any]) -> ColumnElement[int]:
    """How many cut points lie strictly below a value; they are five times over."""
    return func.width_bucket(value * _PARTS - 1, cuts)


def _page(scored: CTE, after: UUID | None, limit: int) -> Select[Any]:
    query = select(scored)
    if after is not None:
        query = query.where(scored.c.subject_id > after)
    return query.order_by(scored.c.subject_id).limit(limit)
