"""The daily clock: each local day once, whenever it is noticed, by whoever notices it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from services.points.flow import FLOW
from services.points.model import PointsState
from shared.db.locks import lock_key
from shared.db.transaction import Tx, statements
from shared.dead_letters import Letters
from shared.flow import Decision, Due, Input
from shared.programs import Program
from shared.sealing import KeyRing
from shared.service import Service
from shared.surroundings import Surroundings
from shared.sweeps import Sweeper
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, member
from tests.builders.promises import a_gift, a_template, seeded
from tests.builders.storefront import an_order, customer
from tests.flow.harness import Harness, begin, harness
from tests.flow.log import until

POINTS, CAMPAIGNS = SERVICES["points"], SERVICES["campaigns"]
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    """Keys to seal what is set aside."""
    return KeyRing.create(tmp_path / "keys")


def a_clock(told: Harness, keys: KeyRing, service: Service | None = None) -> Sweeper:
    """The clock of a service."""
    return Sweeper(service or told.service, told.database, keys, Surroundings())


@pytest.fixture
async def points(fresh_database: str) -> AsyncIterator[Harness]:
    """Points in a database of its own: a clock works for all programs in it."""
    async with harness(POINTS, fresh_database, time_zone="Europe/Berlin") as told:
        yield told


async def earn(points: Harness, *days: str, who: int = 1) -> None:
    """Orders of 10.00 at noon UTC of some days, whose points last to the end of the next day."""
    program = points.program.text_id
    await points.apply(
        a_link(program, who=member(who), buyer=customer(who), since=instant("2026-01-01")),
        *(
            an_order(
                program,
                no=f"{who}-{day}",
                buyer=customer(who),
                at=instant(f"{day} 12:00"),
                amount_minor=1_000,
            )
            for day in days
        ),
    )


async def expiries(points: Harness) -> list[tuple[int, datetime]]:
    """Amounts and instants of what lapsed."""
    return [(r["amount"], r["at"]) for r in await points.rows("entry") if r["kind"] == 10]


@pytest.mark.parametrize(
    ("earned", "end"),
    [
        ("2026-03-28", "2026-03-29 22:00"),  # the clocks go forward on the 29th
        ("2026-10-24", "2026-10-25 23:00"),  # and back on the 25th
        ("2026-06-01", "2026-06-02 22:00"),
    ],
)
async def test_a_lot_lapses_at_24_local_of_its_last_day(
    points: Harness, keys: KeyRing, earned: str, end: str
) -> None:
    await points.settings("points", {"validity": "days:1"})
    await earn(points, earned)
    clock, boundary = a_clock(points, keys), instant(end)
    await clock.tick(boundary - DAY + 11 * MINUTE)
    await clock.tick(boundary + 9 * MINUTE)
    assert await expiries(points) == []
    assert await clock.tick(boundary + 10 * MINUTE) == 1
    assert await expiries(points) == [(-10, boundary)]
    assert await clock.tick(boundary + 11 * MINUTE) == 0
    assert await points.violations() == []


async def test_days_that_were_slept_through_are_all_made_up_for_at_their_own_ends(
    points: Harness, keys: KeyRing
) -> None:
    await points.settings("points", {"validity": "days:1"})
    clock = a_clock(points, keys)
    await clock.tick(instant("2026-03-01 12:00"))
    await earn(points, "2026-03-01", "2026-03-02", "2026-03-03")
    await clock.tick(instant("2026-03-06 12:00"))
    ends = [instant(f"2026-03-0{day} 23:00") for day in (2, 3, 4)]
    assert await expiries(points) == [(-10, end) for end in ends]
    days = [row["day"] for row in await points.rows("sweep", "day")]
    assert days == [date(2026, 2, 28) + n * DAY for n in range(6)]
    assert {row["state"] for row in await points.rows("sweep")} == {2}


async def test_each_program_has_the_days_of_its_own_zone(points: Harness, keys: KeyRing) -> None:
    shanghai = await begin(POINTS, points.database, zone="Asia/Shanghai")
    for told in (points, shanghai):
        await told.settings("points", {"validity": "days:1"})
        await earn(told, "2026-03-01")
    clock = a_clock(points, keys)
    await clock.tick(instant("2026-03-02 12:00"))
    await clock.tick(instant("2026-03-02 16:10"))
    assert (len(await expiries(shanghai)), len(await expiries(points))) == (1, 0)
    await clock.tick(instant("2026-03-02 23:10"))
    assert await expiries(shanghai) == [(-10, instant("2026-03-02 16:00"))]
    assert await expiries(points) == [(-10, instant("2026-03-02 23:00"))]


async def test_two_clocks_that_tick_at_once_let_everything_lapse_once(
    points: Harness, keys: KeyRing
) -> None:
    await points.settings("points", {"validity": "days:1"})
    for who in range(20):
        await earn(points, "2026-03-01", who=who)
    clocks = [a_clock(points, keys) for _ in range(2)]
    await clocks[0].tick(instant("2026-03-02 12:00"))
    now = instant("2026-03-03 12:00")
    handled = await asyncio.gather(*(clock.tick(now) for clock in clocks))
    assert sum(handled) == 20
    assert len(await expiries(points)) == 20
    assert await points.violations() == []


async def test_of_two_clocks_one_holds_the_lock_and_the_other_takes_over(
    points: Harness, keys: KeyRing
) -> None:
    async def made_rows() -> bool:
        return bool(await points.rows("sweep"))

    async def holders() -> int:
        async with statements(points.database) as tx:
            row = await tx.fetch_one(
                """
                select count(*) from pg_locks l join pg_database d on d.oid = l.database
                where locktype = 'advisory' and granted and d.datname = current_database()
                  and classid::bigint = $1 and objid::bigint = $2
                """,
                *divmod(lock_key("clock:points") % 2**64, 2**32),
            )
        assert row is not None
        return int(row[0])

    stops = [asyncio.Event(), asyncio.Event()]
    first = asyncio.create_task(a_clock(points, keys).run(stops[0]))
    await until(made_rows)
    second = asyncio.create_task(a_clock(points, keys).run(stops[1]))
    assert await holders() == 1
    stops[0].set()
    await first
    async with statements(points.database) as tx:
        await tx.execute("delete from sweep where true")
    await until(made_rows)
    assert await holders() == 1
    stops[1].set()
    await second


async def test_a_key_that_the_rules_cannot_handle_is_set_aside_and_tried_again_once_asked_for(
    points: Harness, keys: KeyRing
) -> None:
    await points.settings("points", {"validity": "days:1"})
    for who in range(3):
        await earn(points, "2026-03-01", who=who)
    holders = sorted(row["holder_id"] for row in await points.rows("account"))

    def decide(state: Any, item: Input) -> Decision:
        if isinstance(item, Due) and item.key == holders[1]:
            raise ZeroDivisionError("a rule divides by nothing")
        return FLOW.decide(state, item)

    wrong = replace(POINTS, flow=replace(FLOW, decide=decide))
    clock = a_clock(points, keys, wrong)
    await clock.tick(instant("2026-03-02 12:00"))
    await clock.tick(instant("2026-03-03 12:00"))
    left = {row["holder_id"] for row in await points.rows("account") if row["balance"]}
    assert left == {holders[1]}
    row = await the_letter(points)
    assert (row["topic"], row["class"]) == ("sweep:expiry", "failed")
    assert "ZeroDivisionError" in row["reason"]

    letters = Letters(points.database, FLOW, keys)
    assert await letters.requeue(row["quarantine_id"], "ann") == "requeued"
    await clock.tick(instant("2026-03-03 12:01"))  # it is not mended yet
    row = await the_letter(points)
    assert (row["state"], row["attempts"]) == (0, 2)
    assert await letters.requeue(row["quarantine_id"], "ann") == "requeued"
    await a_clock(points, keys).tick(instant("2026-03-03 12:02"))
    assert (await the_letter(points))["state"] == 1
    assert {row["balance"] for row in await points.rows("account")} == {0}
    assert len(await expiries(points)) == 3
    assert await points.violations() == []


async def the_letter(points: Harness) -> Any:
    """The one record that was set aside."""
    async with statements(points.database) as tx:
        (row,) = await tx.fetch("select * from quarantine")
    return row


@pytest.mark.parametrize(
    ("zone", "joined", "end"),
    [
        ("Asia/Shanghai", "2026-03-01 04:00", "2026-03-03 16:00"),
        ("Europe/Berlin", "2026-03-27 12:00", "2026-03-29 22:00"),
        ("America/New_York", "2026-10-30 12:00", "2026-11-02 05:00"),
    ],
)
async def test_a_coupon_lapses_at_24_local_of_its_last_day(
    fresh_database: str, keys: KeyRing, zone: str, joined: str, end: str
) -> None:
    async with harness(CAMPAIGNS, fresh_database, time_zone=zone) as told:
        await seeded(told, a_gift(a_template(validity={"lasts_days": 2})))
        program, at = told.program.text_id, instant(joined)
        await told.apply(a_joining(program, at=at))
        (coupon,) = await told.rows("coupon")
        assert coupon["valid_to"] == instant(end)
        clock = a_clock(told, keys)
        await clock.tick(at)
        await clock.tick(instant(end) + 9 * MINUTE)
        assert [row["state"] for row in await told.rows("coupon")] == [coupon["state"]]
        await clock.tick(instant(end) + 10 * MINUTE)
        assert [row["state"] for row in await told.rows("coupon")] == [4]
        assert await told.violations() == []


async def test_what_is_decided_while_a_sweep_begins_is_there_when_it_takes_its_first_page(
    points: Harness, keys: KeyRing
) -> None:
    loaded, may_go_on = asyncio.Event(), asyncio.Event()

    async def load(tx: Tx, inputs: Sequence[Input], programs: Mapping[str, Program]) -> PointsState:
        state: PointsState = await FLOW.load(tx, inputs, programs)
        loaded.set()
        await may_go_on.wait()
        return state

    async def waits() -> bool:
        async with statements(points.database) as tx:
            row = await tx.fetch_one(
                """
                select exists (
                  select from pg_locks l join pg_database d on d.oid = l.database
                  where locktype = 'advisory' and not granted and datname = current_database())
                """
            )
        assert row is not None
        return bool(row[0])

    await points.settings("points", {"validity": "days:1"})
    clock = a_clock(points, keys)
    await clock.tick(instant("2026-03-02 12:00"))
    points.service = replace(POINTS, flow=replace(FLOW, load=load))
    earning = asyncio.create_task(earn(points, "2026-03-01"))
    await loaded.wait()
    ticking = asyncio.create_task(clock.tick(instant("2026-03-03 12:00")))
    await until(waits)
    may_go_on.set()
    await earning
    assert await ticking == 1
    assert await expiries(points) == [(-10, instant("2026-03-02 23:00"))]
