"""RFM by quintiles: a case counted by hand, ties, pages, and two years of a real shop."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec import Struct

from services.analytics import tables
from services.analytics.model import FactOrder, OrderStatus
from services.analytics.rfm.queries import Scored, score
from services.analytics.rfm.rules.segmenting import tally
from shared.db import bulk
from shared.db.transaction import transaction
from shared.http.reading import Reader
from shared.ids import derive
from shuke.services import SERVICES
from tests.builders import online_retail
from tests.flow.harness import Harness, harness

ON = datetime(2026, 3, 31, tzinfo=UTC)
DAY = timedelta(days=1)
STORE = derive("store")


def subject(number: int) -> UUID:
    """Id of a subject; ids rise with the numbers."""
    return UUID(int=number)


def bought(
    program: int, who: UUID, name: object, at: datetime, total_minor: int, **more: Any
) -> FactOrder:
    """A completed order as a fact."""
    values: dict[str, Any] = {
        "program_id": program,
        "order_id": derive("order", str(who), str(name)),
        "status": OrderStatus.COMPLETED,
        "subject_id": who,
        "customer_id": who,
        "store_id": STORE,
        "completed_at": at,
        "completed_last_at": at,
        "day": at.date(),
        "hour": at.hour,
        "currency": "GBP",
        "total_minor": total_minor,
    }
    return FactOrder(**values | more)


class Tie(Struct, frozen=True):
    """A row of the table that breaks ties."""

    program_id: int
    subject_id: UUID
    tie_key: int


ORDERS = bulk.stored(tables.FACT_ORDER, FactOrder).upsert()
TIES = bulk.stored(tables.RFM_TIE, Tie).insert()


@asynccontextmanager
async def shop(url: str) -> AsyncIterator[Harness]:
    """A program in UTC and pounds."""
    async with harness(SERVICES["analytics"], url, time_zone="UTC", currency="GBP") as told:
        yield told


async def load(told: Harness, orders: Iterable[FactOrder], ties: Iterable[Tie] = ()) -> None:
    """Facts straight into the tables."""
    async with transaction(told.database) as tx:
        await ORDERS.run(tx, orders)
        await TIES.run(tx, ties)


async def scored(
    told: Harness,
    at: datetime = ON,
    *,
    stores: Sequence[UUID] | None = None,
    after: UUID | None = None,
    limit: int = 200,
) -> Scored:
    """The scoring statement's answer."""
    async with told.database.reading() as connection:
        return await score(Reader(connection, told.program), at, stores, after, limit)


async def test_quintiles_of_thirty_subjects_by_hand(worker_database: str) -> None:
    """Recency 1 … 30: cuts 6.8, 12.6, 18.4, 24.2. Money 100 … 3,000 alike. One order each."""
    async with shop(worker_database) as told:
        await load(
            told,
            [bought(told.program.id, subject(n), 1, ON - n * DAY, 100 * n) for n in range(1, 31)],
        )
        found = await scored(told)
    assert found.subjects == 30
    fifths = [5] * 6 + [4] * 6 + [3] * 6 + [2] * 6 + [1] * 6
    assert [row.recency for row in found.rows] == list(range(1, 31))
    assert [row.r for row in found.rows] == fifths
    assert [row.m for row in found.rows] == fifths[::-1]
    assert [row.f for row in found.rows] == fifths[::-1], "ties of frequency go by subject id"
    assert Counter(found.counts) == {(6 - n, n, 6): 1 for n in range(1, 6)}
    assert tally(found.counts) == dict.fromkeys(tally(()), 0) | {
        "new": 6,
        "potential-loyalists": 6,
        "need-attention": 6,
        "at-risk": 6,
        "cannot-lose": 6,
    }


async def test_equal_recency_shares_a_score_and_a_value_at_a_cut_is_below_it(
    worker_database: str,
) -> None:
    """26 subjects: cuts at 5, 10, 15 and 20 of 0 … 25. Twelve of 6 days ago are at one cut."""
    days = [6] * 12 + list(range(7, 21))
    async with shop(worker_database) as told:
        program = told.program.id
        rows = [bought(program, subject(n), 1, ON - day * DAY, 5) for n, day in enumerate(days)]
        await load(told, rows)
        found = await scored(told)
    assert [row.r for row in found.rows] == [5] * 12 + [3] * 4 + [2] * 5 + [1] * 5
    assert {row.m for row in found.rows} == {1}


async def test_ties_of_frequency_go_by_the_tie_table_where_it_has_the_subject(
    worker_database: str,
) -> None:
    async with shop(worker_database) as told:
        program = told.program.id
        rows = [bought(program, subject(n), 1, ON - DAY, 5) for n in range(25)]
        rows.append(bought(program, subject(24), 2, ON - 2 * DAY, 5))
        ties = [Tie(program, subject(n), -n) for n in range(20, 25)]
        await load(told, rows, ties)
        found = await scored(told)
    by_score: dict[int, list[int]] = {digit: [] for digit in range(1, 6)}
    for row in found.rows:
        by_score[row.f].append(row.subject_id.int)
    assert by_score == {
        1: [0, 20, 21, 22, 23],
        2: list(range(1, 6)),
        3: list(range(6, 11)),
        4: list(range(11, 16)),
        5: [*range(16, 20), 24],
    }


async def test_only_what_counts_is_counted(worker_database: str) -> None:
    """Before the instant, in the program's currency, with something left, of a subject."""
    here, there = subject(1), subject(2)
    async with shop(worker_database) as told:
        program = told.program.id
        await load(
            told,
            [
                bought(program, here, 1, ON - 40 * DAY, 100, refunded_minor=100),
                bought(program, here, 2, ON - 25 * timedelta(hours=1), 70, refunded_minor=20),
                bought(program, here, 3, ON, 1000),
                bought(program, here, 4, ON - DAY, 1000, currency="EUR"),
                bought(program, there, 1, ON - DAY, 100, refunded_minor=100),
                bought(program, there, 2, ON - DAY, 100, subject_id=None, customer_id=None),
            ],
        )
        (row,) = (await scored(told)).rows
        none = await scored(told, stores=[derive("other")])
        before = await scored(told, ON - 30 * DAY)
    assert (row.subject_id, row.recency, row.orders, row.net) == (here, 1, 2, 50)
    assert (none.subjects, list(none.rows)) == (0, [])
    assert before.subjects == 0


async def test_pages_neither_skip_nor_repeat(worker_database: str) -> None:
    async with shop(worker_database) as told:
        program = told.program.id
        rows = [bought(program, subject(n), 1, ON - n * DAY, 5) for n in range(1, 8)]
        await load(told, rows)
        seen: list[int] = []
        while True:
            after = subject(seen[-1]) if seen else None
            found = await scored(told, after=after, limit=3)
            assert found.subjects == 7
            if not found.rows:
                break
            seen += [row.subject_id.int for row in found.rows]
    assert seen == list(range(1, 8))


@pytest.mark.parametrize("name", online_retail.YEARS)
async def test_the_published_exercise_on_two_years_of_a_real_shop(
    worker_database: str, larger_data: Path, name: str
) -> None:
    year = online_retail.year(larger_data, name)
    sold = year.invoices
    assert year.seen["kept"] == year.expected["rows"]
    assert sum(each.pence for each in sold) == online_retail.YEARS[name][1]
    seen = {key: count for key, count in year.seen.items() if key in year.totals}
    assert seen == {key: year.totals[key] for key in seen}
    assert len(seen) == (6 if name == "year_2010_2011" else 0)
    async with shop(worker_database) as told:
        program = told.program.id
        customers = {each.customer: derive("customer", str(each.customer)) for each in sold}
        await load(
            told,
            [bought(program, customers[s.customer], s.number, s.at, s.pence) for s in sold],
            [Tie(program, identity, number) for number, identity in customers.items()],
        )
        found = await scored(told, year.at)
    assert found.subjects == year.expected["customers"]
    assert tally(found.counts) == year.segments
