"""The worked example's analytics rows and cells, after every step and in both orders of arrival."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Any

import pytest

from services.analytics import queries
from services.analytics.model import OrderStatus
from services.analytics.rfm.queries import score
from shared.days import start_of
from shared.events.envelope import Event
from shared.http.reading import Reader
from shared.ids import uuid_of
from shared.verify import verify
from shuke.services import SERVICES
from tests.builders.campaigns import a_coupon
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change
from tests.builders.points import an_entry
from tests.builders.storefront import STORE, a_check_in, a_line, a_refund, an_order
from tests.flow.harness import Harness, harness

P = "prg_agojyzjeabykvaaaaaaaaaaaae"
CUS = "cus_2d2ualfm4scgnfo43yvkllbsdu"
MEM = "mem_v6exiz6pzobhrhkmmurlr3jugy"
A = "ord_ygcuxopwjobkbjh7ttichjt3ku"
B = "ord_uoypbswvqcd5dg7ccjwfjdh4n4"
C = "ord_kzw5suef7geghjt25r4ylhrt6q"
R = "rfd_bxvhm4l55kbqzolz7rr7xkjtpa"
EA = "ent_ygcuxopwjobkbjh7ttichjt3kuaqc"
EK = "ent_l2w3mqvitkem3hhlegj6eikidqbae"
EB = "ent_uoypbswvqcd5dg7ccjwfjdh4n4aqc"
EC = "ent_kzw5suef7geghjt25r4ylhrt6qaqc"
ER = "ent_bxvhm4l55kbqzolz7rr7xkjtpaeao"
D1 = instant("2026-03-01T02:00")
D2 = instant("2026-03-02T01:00")
D3 = instant("2026-03-03T04:00")
D4 = instant("2026-03-04T10:30")
D5 = instant("2026-03-05T07:00")

ORDER_A = an_order(
    P,
    no="A-1001",
    buyer=CUS,
    at=D1,
    lines=[
        a_line("1", 59960, sku="LS-01", quantity=2),
        a_line("2", 29000, sku="CB-02", list_minor=34000, discount_minor=5000),
    ],
    shipping_minor=1000,
)
CHECK_IN = a_check_in(P, buyer=CUS, at=D2)
ORDER_B = an_order(P, no="B-1002", buyer=CUS, at=D3, amount_minor=15000)
ORDER_C = an_order(P, no="C-1003", buyer=CUS, at=D4, amount_minor=20000)
REFUND = a_refund(P, no="RA-1", order="A-1001", buyer=CUS, at=D5, lines=[("1", 1, 29980)])
JOINED = [
    a_joining(P, who=MEM, at=D1),
    a_link(P, who=MEM, buyer=CUS, since=D1),
    a_tier_change(P, [(D1, "ordinary")], who=MEM),
]


def entry(identity: str, amount: int, at: Any, order: str | None, **more: Any) -> Event:
    """A ledger line of the story."""
    return an_entry(P, identity=identity, who=MEM, at=at, amount=amount, order=order, **more)


EARN_CHECK_IN = entry(EK, 5, D2, None, kind="activity", source_kind="check-in")
EARN_B = entry(EB, 150, D3, "B-1002")
EARN_C = entry(EC, 300, D4, "C-1003")
STEPS: Sequence[Sequence[Event]] = (
    [ORDER_A, *JOINED, entry(EA, 889, D1, "A-1001"), a_coupon(P, who=MEM, at=D1)],
    [CHECK_IN, EARN_CHECK_IN],
    [ORDER_B, a_tier_change(P, [(D3, "silver")], who=MEM, revision=2), EARN_B],
    [ORDER_C, EARN_C],
    [
        REFUND,
        a_tier_change(P, [(D5, "ordinary")], who=MEM, revision=3),
        entry(ER, -300, D5, "A-1001", kind="claw-back", account="reversed", source_kind="refund"),
    ],
)
"""What analytics is told step by step; step 6 repeats order A."""
REFUND_FIRST: Sequence[Sequence[Event]] = (
    [REFUND],
    [ORDER_A, *JOINED, entry(EA, 589, D1, "A-1001"), a_coupon(P, who=MEM, at=D1)],
    [CHECK_IN, EARN_CHECK_IN],
    [
        ORDER_B,
        a_tier_change(P, [(D3, "silver"), (D5, "ordinary")], who=MEM, revision=2, replaces_from=D3),
        EARN_B,
    ],
    [ORDER_C, EARN_C],
)
AFTER = {
    # day, hour, tier: orders, first, units, gross, refunds, net, points
    ("2026-03-01", 10, "ordinary"): (1, 1, 3, 89960, 0, 59980, 589),
    ("2026-03-03", 12, "ordinary"): (1, 0, 1, 15000, 0, 15000, 150),
    ("2026-03-04", 18, "silver"): (1, 0, 1, 20000, 0, 20000, 300),
    ("2026-03-05", 15, "ordinary"): (0, 0, 0, 0, 29980, 0, 0),
}
BEFORE_REFUND = {
    key: figures if key[0] != "2026-03-01" else (1, 1, 3, 89960, 0, 89960, 889)
    for key, figures in AFTER.items()
    if key[0] != "2026-03-05"
}


def story(url: str) -> AbstractAsyncContextManager[Harness]:
    """The program of the story, in a database of its own."""
    return harness(SERVICES["analytics"], url, program=P)


async def cells(told: Harness, table: str) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """Cells of a table by day and what the table is by beside the store."""
    found = {}
    for row in await told.rows(table):
        assert row.pop("store_id") == uuid_of(STORE)
        day, beside = str(row.pop("day")), [row.pop(k) for k in ("hour", "tier") if k in row]
        found[day, *beside] = tuple(row.values())
    return found


async def assert_cells(told: Harness, expected: dict[tuple[str, int, str], Any]) -> None:
    """All three tables of cells hold the figures."""
    assert await cells(told, "day_store") == {(d,): f for (d, _, _), f in expected.items()}
    assert await cells(told, "day_hour") == {(d, h): f for (d, h, _), f in expected.items()}
    assert await cells(told, "day_tier") == {(d, t): f for (d, _, t), f in expected.items()}


async def by_id(told: Harness, table: str, key: str) -> dict[Any, dict[str, Any]]:
    """Rows of a table by their id."""
    return {row.pop(key): row for row in await told.rows(table)}


async def test_the_cells_after_every_step(fresh_database: str) -> None:
    async with story(fresh_database) as told:
        done = [
            {key: figures for key, figures in BEFORE_REFUND.items() if key[0] <= day}
            for day in ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04")
        ]
        for step, expected in zip(STEPS, [*done, AFTER], strict=True):
            await told.apply(*step)
            await assert_cells(told, expected)
        await told.apply(ORDER_A)
        await assert_cells(told, AFTER)


async def test_the_refund_first_gives_the_same_cells(fresh_database: str) -> None:
    async with story(fresh_database) as told:
        await told.apply(*REFUND_FIRST[0])
        assert await cells(told, "day_store") == {("2026-03-05",): (0, 0, 0, 0, 29980, 0, 0)}
        assert await cells(told, "day_tier") == {
            ("2026-03-05", "unknown"): (0, 0, 0, 0, 29980, 0, 0)
        }
        for step in REFUND_FIRST[1:]:
            await told.apply(*step)
        await told.apply(ORDER_A)
        await assert_cells(told, AFTER)


@pytest.mark.parametrize("steps", [STEPS, REFUND_FIRST], ids=["as sold", "refund first"])
async def test_the_facts_at_the_end(fresh_database: str, steps: Sequence[Sequence[Event]]) -> None:
    async with story(fresh_database) as told:
        for step in steps:
            await told.apply(*step)
        orders = await by_id(told, "fact_order", "order_id")
        refunds = await by_id(told, "fact_refund", "refund_id")
        (activity,) = await told.rows("fact_activity")
        verdicts = await verify(told.service, told.database)
    common = {
        "subject_id": uuid_of(MEM),
        "customer_id": uuid_of(CUS),
        "member_id": uuid_of(MEM),
        "store_id": uuid_of(STORE),
        "currency": "CNY",
    }
    sold = [
        (A, D1, date(2026, 3, 1), 10, 88960, 89960, 29980, 3, 589, "ordinary", 1),
        (B, D3, date(2026, 3, 3), 12, 15000, 15000, 0, 1, 150, "ordinary", 2),
        (C, D4, date(2026, 3, 4), 18, 20000, 20000, 0, 1, 300, "silver", 3),
    ]
    for identity, at, day, hour, goods, total, refunded, units, points, tier, seq in sold:
        row = orders.pop(uuid_of(identity))
        assert row.pop("lines")
        status = OrderStatus.PARTLY_REFUNDED if refunded else OrderStatus.COMPLETED
        assert row == common | {
            "status": status,
            "completed_at": at,
            "completed_last_at": at,
            "day": day,
            "hour": hour,
            "goods_minor": goods,
            "total_minor": total,
            "refunded_minor": refunded,
            "units": units,
            "points": points,
            "tier": tier,
            "seq": seq,
            "line_count": 2 if identity == A else 1,
        }
    assert not orders
    (refund,) = refunds.values()
    assert (refund["order_id"], refund["day"], refund["amount_minor"], refund["tier"]) == (
        uuid_of(A),
        date(2026, 3, 5),
        29980,
        "ordinary",
    )
    assert (activity["subject_id"], activity["kind"]) == (uuid_of(MEM), 0)
    assert (activity["day"], activity["hour"]) == (date(2026, 3, 2), 9)
    assert [verdict for verdict in verdicts if verdict.violations] == []


@pytest.mark.parametrize(
    ("steps", "points"),
    [
        (STEPS, {"issued": 1344, "reversed": 300, "purchases": 1339}),
        (REFUND_FIRST, {"issued": 1044, "reversed": 0, "purchases": 1039}),
    ],
    ids=["as sold", "refund first"],
)
async def test_the_figures_of_home_totals_and_rfm(
    fresh_database: str, steps: Sequence[Sequence[Event]], points: dict[str, int]
) -> None:
    start, end = date(2026, 3, 1), date(2026, 3, 5)
    async with story(fresh_database) as told:
        for step in steps:
            await told.apply(*step)
        async with told.database.reading() as connection:
            reader = Reader(connection, told.program)
            people = await queries.count_members(reader, start, end, None)
            active = await queries.count_active(reader, date(2025, 12, 6), end, None)
            sales = await queries.sum_sales(reader, start, end, None)
            buyers = await queries.count_buyers(reader, start, end, None)
            moved = await queries.sum_points(reader, start, end)
            progress = await queries.find_progress(reader)
            totals = await queries.count_totals(reader)
            at = start_of(date(2026, 3, 6), told.program.zone)
            scored = await score(reader, at, None, None, 10)
    assert tuple(people) == (1, 0, 1, 0)
    assert tuple(active) == (1, 1)
    assert tuple(sales) == (3, 124960, 29980, 94980)
    assert tuple(buyers) == (1, 3, 1)
    expected = {"redeemed": 0, "expired": 0, "outstanding": 1044} | points
    assert {name: getattr(moved, name) for name in expected} == expected
    assert progress is not None
    assert (progress.as_of, progress.lag_seconds) == (D5, 0)
    assert totals == {
        "members": 1,
        "orders": 3,
        "lines": 4,
        "order_total_minor": 124960,
        "refunds": 1,
        "refund_total_minor": 29980,
        "check_ins": 1,
        "points_balance": 1044,
        "coupons": 1,
    }
    assert scored.subjects == 1
    (row,) = scored.rows
    assert (row.subject_id, row.customer) == (uuid_of(MEM), False)
    assert (row.recency, row.orders, row.net) == (1, 3, 94980)
