"""What comes late finds its place: links, orders, tiers, cancellations, refunds."""

from datetime import date, timedelta
from functools import partial
from typing import Any

from services.analytics.model import OrderStatus
from shared.events.storefront.activity import ActivityObject
from shared.ids import uuid_of
from shared.verify import verify
from shuke.services import SERVICES
from tests.builders.campaigns import a_coupon, a_coupon_change
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, a_tier_change, member
from tests.builders.points import an_entry
from tests.builders.storefront import (
    STORE,
    a_cancellation,
    a_check_in,
    a_line,
    a_refund,
    an_activity,
    an_order,
    customer,
)
from tests.flow.harness import MECHANISM, Harness, harness

ANALYTICS = SERVICES["analytics"]
NOON = instant("2026-11-01 04:00")
"""Noon in Shanghai."""
DAY = timedelta(days=1)
EARLY = NOON - 2 * DAY
NAMES = ("orders", "first_orders", "units", "gross_minor", "refunds_minor", "net_minor", "points")


async def cells(told: Harness, table: str = "day_store", by: str = "day") -> dict[Any, Any]:
    """Cells that hold anything: only the figures that are not zero."""
    return {
        (row["day"].day, row[by]) if by != "day" else row["day"].day: {
            name: row[name] for name in NAMES if row[name]
        }
        for row in await told.rows(table)
    }


async def orders(told: Harness, *columns: str) -> list[Any]:
    """Columns of the orders by completion; one column alone is not wrapped."""
    rows = await told.rows("fact_order", "completed_at, order_id")
    return [row[columns[0]] if len(columns) == 1 else tuple(map(row.get, columns)) for row in rows]


async def assert_sound(told: Harness) -> None:
    """Every invariant holds."""
    verdicts = await verify(told.service, told.database, told.program.text_id)
    assert [verdict for verdict in verdicts if verdict.violations] == []


async def test_a_refund_counts_on_its_own_day_and_lowers_the_net_of_the_orders(
    worker_database: str,
) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(an_order(program, at=NOON, amount_minor=100))
        await told.apply(a_refund(program, at=NOON + 4 * DAY, amount_minor=40))
        found = await cells(told)
        assert found[1] | {"refunds_minor": 0} == {
            "orders": 1,
            "first_orders": 1,
            "units": 1,
            "gross_minor": 100,
            "net_minor": 60,
            "refunds_minor": 0,
        }
        assert found[5] == {"refunds_minor": 40}


async def test_a_link_after_the_purchases_moves_them_and_leaves_the_sums(
    worker_database: str,
) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        one, two = customer(1), customer(2)
        await told.apply(
            an_order(program, no="A", buyer=one, at=NOON, amount_minor=10),
            an_order(program, no="B", buyer=two, at=NOON + DAY, amount_minor=20),
            an_order(program, no="C", buyer=one, at=NOON + 2 * DAY, amount_minor=30),
            a_check_in(program, buyer=two, at=NOON),
        )
        before = await cells(told)
        assert await orders(told, "subject_id", "seq") == [
            (uuid_of(one), 1),
            (uuid_of(two), 1),
            (uuid_of(one), 2),
        ]
        await told.apply(a_link(program, buyer=one, since=NOON), a_joining(program, at=NOON))
        await told.apply(a_link(program, buyer=two, since=NOON + DAY))
        assert await orders(told, "subject_id", "seq") == [
            (uuid_of(member()), n) for n in (1, 2, 3)
        ]
        (activity,) = await told.rows("fact_activity")
        assert (activity["subject_id"], activity["member_id"]) == (uuid_of(member()), None)
        after = await cells(told)
        assert {day: f.get("gross_minor") for day, f in after.items()} == {1: 10, 2: 20, 3: 30}
        assert [before[day].get("first_orders") for day in (1, 2, 3)] == [1, 1, None]
        assert [after[day].get("first_orders") for day in (1, 2, 3)] == [1, None, None]
        await assert_sound(told)


async def test_a_link_that_moves_on_takes_all_orders_but_leaves_them_whose_they_were(
    worker_database: str,
) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        first, second = member(1), member(2)
        await told.apply(
            an_order(program, no="A", at=NOON),
            an_order(program, no="B", at=NOON + 2 * DAY),
            a_link(program, who=first, since=NOON),
            a_link(program, who=first, since=NOON, ended_at=NOON + DAY, revision=2),
            a_link(program, who=second, since=NOON + DAY, revision=3),
        )
        assert await orders(told, "subject_id", "member_id", "seq") == [
            (uuid_of(second), uuid_of(first), 1),
            (uuid_of(second), uuid_of(second), 2),
        ]
        await told.apply(
            a_link(program, who=second, since=NOON + DAY, ended_at=NOON + 3 * DAY, revision=4)
        )
        assert await orders(told, "subject_id") == [uuid_of(second)] * 2
        await told.apply(a_link(program, who=first, since=NOON, revision=1))
        await assert_sound(told)


async def test_a_late_order_takes_its_place_among_the_others(worker_database: str) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(an_order(program, no="B", at=NOON + DAY))
        await told.apply(an_order(program, no="C", at=NOON + 2 * DAY))
        await told.apply(an_order(program, no="A", at=NOON))
        assert await orders(told, "seq") == [1, 2, 3]
        found = await cells(told)
        assert [found[day].get("first_orders") for day in (1, 2, 3)] == [1, None, None]
        await told.apply(an_order(program, no="C", at=NOON - DAY))
        assert await orders(told, "completed_at", "seq") == [
            (NOON - DAY, 1),
            (NOON, 2),
            (NOON + DAY, 3),
        ]
        assert 3 not in await cells(told)
        await assert_sound(told)


async def test_tiers_told_later_move_the_orders_and_their_refunds(worker_database: str) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(
            a_link(program, since=NOON - DAY),
            an_order(program, no="A", at=NOON, amount_minor=10),
            an_order(program, no="B", at=NOON + DAY, amount_minor=20),
            a_refund(program, order="B", at=NOON + DAY, amount_minor=5),
        )
        assert set(await cells(told, "day_tier", "tier")) == {(1, "unknown"), (2, "unknown")}
        silver = a_tier_change(program, [(NOON, "silver")], revision=2)
        gold = a_tier_change(program, [(NOON, "gold")], revision=3, replaces_from=NOON)
        await told.apply(silver)
        await told.apply(gold)
        await told.apply(a_tier_change(program, [(NOON - DAY, "ordinary")], revision=1))
        await told.apply(silver)
        found = await cells(told, "day_tier", "tier")
        assert set(found) == {(1, "ordinary"), (2, "gold")}
        assert found[2, "gold"]["refunds_minor"] == 5
        (row,) = await told.rows("member")
        other = a_tier_change(program, [(NOON, "diamond")], revision=4, primary=False)
        await told.apply(other)
        assert await told.rows("member") == [row]
        await assert_sound(told)


async def test_a_cancellation_takes_what_is_left_until_the_order_is_completed_again(
    worker_database: str,
) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(a_cancellation(program, at=NOON + 2 * DAY))
        assert await cells(told) == {}
        await told.apply(an_order(program, at=NOON, amount_minor=100))
        await told.apply(a_refund(program, at=NOON + 3 * DAY, amount_minor=30))
        found = await cells(told)
        assert found[1].get("net_minor") is None
        assert found[3] == {"refunds_minor": 70}
        assert found[4] == {"refunds_minor": 30}
        assert await orders(told, "status") == [OrderStatus.CANCELLED]
        await told.apply(an_order(program, at=NOON + 5 * DAY, amount_minor=100))
        found = await cells(told)
        assert found[1]["net_minor"] == 70
        assert set(found) == {1, 4}
        assert await orders(told, "status") == [OrderStatus.PARTLY_REFUNDED]
        await assert_sound(told)


async def test_a_refund_beyond_the_order_is_clipped_for_the_net_alone(
    worker_database: str,
) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(
            an_order(program, at=NOON, amount_minor=100),
            a_refund(program, no="R", at=NOON, amount_minor=130),
            a_refund(program, no="S", order=None, at=NOON, amount_minor=7),
        )
        (figures,) = (await cells(told)).values()
        assert (figures["gross_minor"], figures["refunds_minor"]) == (100, 137)
        assert "net_minor" not in figures
        assert await orders(told, "refunded_minor", "status") == [(100, OrderStatus.REFUNDED)]


async def test_another_currency_counts_orders_but_no_money(worker_database: str) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(
            an_order(program, at=NOON, amount_minor=100, currency="USD"),
            a_refund(program, at=NOON, amount_minor=30, currency="USD"),
        )
        (figures,) = (await cells(told)).values()
        assert figures == {"orders": 1, "first_orders": 1, "units": 1}
        assert await orders(told, "total_minor", "refunded_minor") == [(100, 30)]


async def test_a_guest_buys_but_is_no_buyer(worker_database: str) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        lines = [a_line("1", 90, quantity=3), a_line("2", 10, kind="fee")]
        await told.apply(an_order(program, buyer=None, at=NOON, lines=lines))
        (figures,) = (await cells(told)).values()
        assert figures == {"orders": 1, "units": 3, "gross_minor": 100, "net_minor": 100}
        assert await orders(told, "subject_id", "seq", "goods_minor") == [(None, None, 90)]


async def test_points_before_their_order_wait_and_lapsing_is_no_matter_of_it(
    worker_database: str,
) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(an_entry(program, name="E", amount=10, at=NOON))
        assert await orders(told, "status", "points") == [(OrderStatus.AWAITED, 0)]
        await told.apply(an_order(program, at=NOON, amount_minor=1000))
        await told.apply(
            an_entry(program, name="F", amount=-4, kind="claw-back", account="reversed"),
            an_entry(program, name="G", amount=-6, kind="expire", account="expired"),
            an_entry(program, name="H", amount=3, wallet="growth"),
        )
        assert await orders(told, "points") == [6]
        (figures,) = (await cells(told)).values()
        assert figures["points"] == 6
        await assert_sound(told)


async def test_check_ins_of_a_day_are_one_and_the_last_favourite_counts(
    worker_database: str,
) -> None:
    shop = ActivityObject(kind="store")
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(
            a_check_in(program, at=NOON),
            a_check_in(program, at=NOON - timedelta(hours=3)),
            a_check_in(program, at=NOON + DAY),
        )
        rows = await told.rows("fact_activity", "day")
        assert [(row["day"], row["hour"]) for row in rows] == [
            (date(2026, 11, 1), 9),
            (date(2026, 11, 2), 12),
        ]
        favourite = partial(an_activity, program, action="favourite", thing=shop)
        await told.apply(favourite(at=NOON + DAY, state="off"))
        await told.apply(favourite(at=NOON))
        (row,) = await told.rows("customer")
        assert row["follows_store"] is None
        await told.apply(favourite(at=NOON + 2 * DAY))
        (row,) = await told.rows("customer")
        assert row["follows_store"] == uuid_of(STORE)
        product = ActivityObject(kind="product", id="P-1")
        await told.apply(favourite(at=NOON + 3 * DAY, thing=product, state="off"))
        assert await told.rows("customer") == [row]


async def test_a_coupon_is_what_its_highest_version_makes_it(worker_database: str) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(a_coupon_change(program, version=2))
        await told.apply(a_coupon(program, version=1))
        (row,) = await told.rows("fact_coupon")
        assert (row["version"], row["revoked"]) == (2, True)
        await told.apply(a_coupon_change(program, version=4, change="over-use"))
        await told.apply(a_coupon(program, version=3))
        (row,) = await told.rows("fact_coupon")
        assert (row["version"], row["revoked"]) == (3, False)


async def test_the_earliest_joining_counts_with_its_store(worker_database: str) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(a_joining(program, at=NOON))
        await told.apply(a_joining(program, at=NOON - DAY, ordinal=1))
        await told.apply(a_joining(program, at=NOON))
        (row,) = await told.rows("member")
        assert row["joined_day"] == date(2026, 10, 31)
        assert row["effective_from"] == NOON - DAY


async def test_a_refund_told_earlier_of_another_order_leaves_the_first(
    worker_database: str,
) -> None:
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id
        await told.apply(
            an_order(program, no="A", at=NOON, amount_minor=100),
            an_order(program, no="B", at=NOON, amount_minor=100),
        )
        await told.apply(a_refund(program, order="A", at=NOON + DAY, amount_minor=10))
        await told.apply(a_refund(program, order="B", at=NOON, amount_minor=10))
        taken = {row["order_id"]: row["refunded_minor"] for row in await told.rows("fact_order")}
        assert sorted(taken.values()) == [0, 10]
        (figures,) = (await cells(told)).values()
        assert (figures["refunds_minor"], figures["net_minor"]) == (10, 190)
        await assert_sound(told)


async def test_statements_are_as_many_for_one_event_as_for_five_hundred(
    worker_database: str,
) -> None:
    kinds = 9
    async with harness(ANALYTICS, worker_database) as told:
        program = told.program.text_id

        def batch(count: int, start: int) -> list[Any]:
            found: list[Any] = []
            for number in range(start, start + count):
                no, buyer, who = str(number), customer(number), member(number)
                found += [
                    an_order(program, no=no, buyer=buyer, at=NOON),
                    a_refund(program, no=no, order=no, buyer=buyer, at=NOON, amount_minor=5),
                    a_check_in(program, buyer=buyer, at=NOON),
                    a_joining(program, who=who, at=NOON),
                    a_link(program, buyer=buyer, who=who, since=NOON),
                    a_tier_change(program, [(NOON, "ordinary")], who=who),
                    an_entry(program, name=no, who=who, order=no, at=NOON),
                    a_coupon(program, name=no, who=who, at=NOON),
                    a_cancellation(program, order=no, buyer=buyer, at=NOON),
                ]
            return found

        def late(count: int) -> list[Any]:
            """Everything that changes a fact: cells are lowered too."""
            return [
                each
                for number in range(count)
                for each in (
                    an_order(program, no=str(number), buyer=customer(number), at=NOON - DAY),
                    a_tier_change(program, [(EARLY, "gold")], who=member(number), revision=2),
                    a_link(program, buyer=customer(number), who=member(number), since=NOON - DAY,
                           revision=2),
                    a_refund(program, no=f"L{number}", order=str(number), buyer=customer(number)),
                    a_check_in(program, buyer=customer(number), at=NOON - DAY),
                    a_joining(program, who=member(number), at=NOON - DAY, ordinal=1),
                    an_entry(program, name=f"L{number}", who=member(number), order=str(number)),
                    a_coupon_change(program, name=str(number), who=member(number)),
                    a_cancellation(program, order=str(number), buyer=customer(number),
                                   at=NOON + DAY),
                )
            ]  # fmt: skip

        counts = []
        for size in (1, 500 // kinds):
            await told.apply(*batch(size, 0 if size == 1 else 1))
            first = told.statements
            await told.apply(*late(size))
            counts.append((first, told.statements))
        assert counts[0] == counts[1]
        assert max(counts[0]) <= ANALYTICS.statements + MECHANISM
        await assert_sound(told)
