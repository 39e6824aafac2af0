"""Much cannot be used: its program is set aside, or the topic stands still. Nothing is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from services.points.flow import FLOW
from shared import halts, pipeline, requeuing
from shared.config import Config
from shared.days import BEGINNING
from shared.db import parking, positions, quarantine
from shared.db.positions import Resumption
from shared.db.quarantine import Wanted
from shared.db.transaction import statements, transaction
from shared.dead_letters import lift, settle
from shared.errors import Fenced
from shared.events.envelope import Event
from shared.events.storefront.order_completed import OrderCompleted
from shared.flow import Decision, Input
from shared.ids import text_id
from shared.metrics import Metrics
from shared.pipeline import Pipeline
from shared.random_ids import random_id
from shared.service import Service
from shared.stream.port import Message
from shared.surroundings import Surroundings
from shared.watching import Worker
from shuke.services import SERVICES
from tests.builders.actors import an_actor
from tests.builders.events import instant, message
from tests.builders.members import a_link
from tests.builders.storefront import an_order
from tests.flow.harness import Harness, begin
from tests.flow.log import Reader, reading, until

NOON = instant("2026-03-01 04:00")
MINUTE = timedelta(minutes=1)
POINTS = SERVICES["points"]
BATCH = 50


def wrong_about(program: str) -> Service:
    """Points with a rule that has a fault: it cannot handle a program's orders."""

    def decide(state: Any, item: Input) -> Decision:
        if item.program == program and isinstance(item.data, OrderCompleted):
            raise ZeroDivisionError("a rule divides by nothing")
        return FLOW.decide(state, item)

    return replace(POINTS, flow=replace(FLOW, decide=decide))


@pytest.fixture
async def points(fresh_database: str, tmp_path: Path) -> AsyncIterator[Reader]:
    """Points with a log of its own."""
    async with reading(POINTS, fresh_database, tmp_path) as reader:
        yield reader


async def programs(points: Reader, count: int) -> list[Harness]:
    """So many programs, the reader's own the first; in each the customer is linked."""
    others = [await begin(POINTS, points.told.database) for _ in range(count - 1)]
    every = [points.told, *others]
    for told in every:
        await told.settings("points", {"validity": "never"})
        link = a_link(told.program.text_id, since=NOON)
        await points.append(link, service="members", topic="members")
    await points.read(count)
    return every


def orders(told: Harness, *numbers: int) -> list[Event]:
    """Orders of 10.00 by one customer, a minute between them."""
    program = told.program.text_id
    return [
        an_order(program, no=f"A-{n}", at=NOON + n * MINUTE, amount_minor=1_000) for n in numbers
    ]


async def classes(points: Reader, state: int = quarantine.OPEN) -> Counter[str]:
    """How many records are in the quarantine, by class."""
    return Counter(row["class"] for row in await points.rows("quarantine") if row["state"] == state)


async def applied(points: Reader, sent: Sequence[Event], every: Sequence[Harness]) -> None:
    """Each event that was sent took effect, and took it once."""
    known = {row["event_id"] for row in await points.rows("inbox")}
    assert {event.id for event in sent} <= known
    for told in every:
        mine = [event for event in sent if event.program == told.program.text_id]
        rows = await told.rows("purchase")
        assert {row["order_no"] for row in rows} == {event.data.order_no for event in mine}  # type: ignore[union-attr]
        (account,) = await told.rows("account")
        assert account["balance"] == 10 * len(mine)
        assert await told.violations() == []


async def take_up(points: Reader, told: Harness) -> None:
    """What `shuke dead-letter resume` leaves to the worker, and that worker."""
    program = told.program.text_id
    assert await lift(told.database, program, "storefront", "mended", an_actor()) == ["storefront"]
    await requeue_all(points)


async def requeue_all(points: Reader) -> None:
    """The worker works through what is asked for."""
    requeuer = points.requeuer()
    while await requeuer.turn():
        pass


async def ask(points: Reader, klass: str) -> int:
    """An operator asks for all of a class."""
    async with transaction(points.told.database) as tx:
        return await quarantine.ask(tx, Wanted(klass=klass), "ann")


async def test_one_of_ten_programs_is_set_aside_and_the_nine_go_on(points: Reader) -> None:
    every = await programs(points, 10)
    broken, *others = every
    sent = [event for told in others for event in orders(told, *range(60))]
    bad = orders(broken, *range(300))
    await points.append(*(event for pair in zip(sent, bad, strict=False) for event in pair))
    await points.append(*sent[len(bad) :])
    await points.read(len(sent) + len(bad), wrong_about(broken.program.text_id), BATCH)
    found = await classes(points)
    assert found.keys() == {"failed", "parked"}
    assert 200 - BATCH <= found["failed"] < 200
    assert found.total() == 300
    assert {(row["program_id"], row["topic"]) for row in await points.rows("parked")} == {
        (broken.program.id, "storefront")
    }
    await applied(points, sent, others)

    more = orders(broken, 300, 301)
    await points.append(*more)
    await points.read(2)  # repaired, but still set aside
    assert (await classes(points))["parked"] == found["parked"] + 2
    await take_up(points, broken)
    assert await ask(points, "failed") == found["failed"]
    await requeue_all(points)
    last = orders(broken, 302)
    await points.append(*last)
    await points.read(1)
    assert await classes(points) == {}
    assert await points.rows("parked") == []
    await applied(points, [*sent, *bad, *more, *last], every)


async def test_what_arrives_between_the_lift_and_its_end_is_applied(points: Reader) -> None:
    """Whoever lifts it is killed before he asked for what was set aside: the worker does."""
    (told,) = await programs(points, 1)
    async with transaction(told.database) as tx:
        await parking.park(tx, [(told.program.id, "storefront")])
    before, after = orders(told, 1, 2, 3), orders(told, 4, 5)
    await points.append(*before)
    await points.read(3)
    assert await classes(points) == {"parked": 3}
    await lift(told.database, told.program.text_id, None, "", an_actor())
    await points.append(*after)
    await points.read(2)
    assert await classes(points) == {"parked": 3}
    await requeue_all(points)
    await applied(points, [*before, *after], [told])
    assert await points.rows("parked") == []


async def test_records_are_tried_again_in_the_order_in_which_they_were_read(
    points: Reader,
) -> None:
    (told,) = await programs(points, 1)
    async with transaction(told.database) as tx:
        await parking.park(tx, [(told.program.id, "storefront")])
    await points.append(*orders(told, *range(250)))
    await points.read(250)
    await take_up(points, told)
    entries = await told.rows("entry", "version")
    assert [entry["at"] for entry in entries] == [NOON + n * MINUTE for n in range(250)]


async def test_several_who_try_the_same_again_apply_it_once(points: Reader) -> None:
    (told,) = await programs(points, 1)
    sent = orders(told, *range(120))
    await points.append(*sent)
    await points.read(120, wrong_about(told.program.text_id))
    assert await ask(points, "failed") == 120
    await asyncio.gather(*(requeue_all(points) for _ in range(3)))
    assert await ask(points, "failed") == 0
    await requeue_all(points)
    await applied(points, sent, [told])
    assert await classes(points, quarantine.REQUEUED) == {"failed": 120}


async def a_claim(points: Reader, partition: positions.Partition) -> positions.Held:
    """A worker takes a partition over."""
    async with transaction(points.told.database) as tx:
        return await positions.claim(tx, partition, random_id(), "worker", 0)


async def test_a_batch_under_way_at_the_lift_leaves_nothing_behind(points: Reader) -> None:
    """What it sets aside, since it began before, is asked for too; a later one is fenced."""
    (told,) = await programs(points, 1)
    pair = (told.program.id, "storefront")
    async with transaction(told.database) as tx:
        await parking.park(tx, [pair])
    first = await a_claim(points, ("storefront", 0))
    second = await a_claim(points, ("storefront", 1))
    late = quarantine.Quarantined(
        random_id(), "storefront", 0, 7, points.program, None, "parked", "", b"sealed"
    )
    async with transaction(told.database) as tx:
        assert pair in await positions.fence(tx, [first])
        await lift(told.database, points.program, None, "", an_actor())
        settling = asyncio.create_task(settle(told.database))
        await until(lambda: somebody_waits(points))
        await quarantine.add(tx, [late])
        assert not settling.done()
    assert await settling == 1
    async with transaction(told.database) as tx:
        with pytest.raises(Fenced):
            await positions.fence(tx, [second])
    (row,) = await points.rows("quarantine")
    assert row["asked_by"] == "ann"


async def somebody_waits(points: Reader) -> bool:
    """Whether somebody waits for a row that another has locked."""
    async with statements(points.told.database) as tx:
        rows = await tx.fetch(
            """
            select 1 from pg_locks l join pg_stat_activity using (pid)
            where not granted and datname = current_database()
            """
        )
    return bool(rows)


async def still(pipeline: Pipeline) -> None:
    """Read until nothing comes any more."""
    async with asyncio.timeout(60):
        while await pipeline.turn():
            pass


async def passed(points: Reader) -> int:
    """How many records of the storefront are behind the position."""
    rows = await points.rows("consumer_offset")
    return sum(r["next_offset"] for r in rows if r["topic"] == "storefront")


async def resume(points: Reader, accept: int) -> int:
    """An operator ends all halts of the topic; how many there were."""
    how = Resumption("the release was rolled back", "ann", accept=accept)
    database, stream = points.told.database, points.stream
    ended = await halts.resume(database, stream, ("storefront", None), how, an_actor())
    return len(ended)


@pytest.mark.parametrize("accept", [0, 10_000], ids=["rolled back", "accepted"])
async def test_a_release_that_reads_nothing_stands_still_and_loses_nothing(
    points: Reader, accept: int
) -> None:
    """Its clock is wrong: to it, all events are of the far future."""
    every = await programs(points, 12)
    sent = [event for n in range(90) for told in every for event in orders(told, n)]
    await points.append(*sent)
    broken = points.pipeline(batch=BATCH, clock=lambda: BEGINNING)
    worker = Worker(
        POINTS, Config(), points.told.database, points.stream, Surroundings(), broken.holding
    )
    await still(broken)
    code, words = await worker.unready() or ("", "")
    assert code == "halted"
    assert "storefront/" in words
    assert "quarantine-limit" in words
    found = await classes(points)
    assert found.keys() == {"invalid"}
    assert 1_000 - BATCH <= found["invalid"] == await passed(points) < 1_000 + BATCH
    assert {halt.reason for halt in await halts.list_halts(points.told.database)} == {
        "quarantine-limit"
    }

    assert await resume(points, accept) == len(broken.holding.halted)
    if accept:
        await until_resumed(broken)
        await still(broken)
        assert (await worker.unready()) is None
    await broken.close()
    assert await passed(points) == (len(sent) if accept else found["invalid"])
    await points.read(len(sent) - await passed(points))
    assert await ask(points, "invalid") == (len(sent) if accept else found["invalid"])
    await requeue_all(points)
    assert await classes(points) == {}
    await applied(points, sent, every)


async def until_resumed(pipeline: Pipeline) -> None:
    """The worker sees by itself that an operator has decided."""
    async with asyncio.timeout(30):
        while pipeline.holding.halted:
            await pipeline.turn()


async def test_ten_thousand_conflicts_stop_nothing(points: Reader) -> None:
    (told,) = await programs(points, 1)
    first, last = orders(told, 1, 2)
    good = message("gateway", first)
    await points.append(first)
    await points.append_raw(
        *(
            Message(good.key, good.id, good.value.replace(b"1000", str(2_000 + n).encode()))
            for n in range(10_000)
        )
    )
    await points.append(last)
    await points.read(10_002)
    assert await classes(points) == {"conflict": 10_000}
    assert await points.rows("parked") == []
    assert await ask(points, "conflict") == 0
    await applied(points, [first, last], [told])


async def test_of_a_thousand_only_the_one_that_the_database_refuses_is_set_aside(
    points: Reader, fresh_database: str
) -> None:
    """By a rule that no program knows. The others are applied in their order."""
    (told,) = await programs(points, 1)
    owner = await asyncpg.connect(fresh_database)
    await owner.execute("alter table points.purchase add check (order_no <> 'REFUSED')")
    await owner.close()
    sent = orders(told, *range(1_000))
    poison = an_order(points.program, no="REFUSED", at=NOON + 500 * MINUTE, amount_minor=1_000)
    sent[500] = poison
    await points.append(*sent)
    await points.read(1_000)
    (row,) = await points.rows("quarantine")
    assert (row["class"], row["event_id"]) == ("failed", poison.id)
    entries = await told.rows("entry", "version")
    numbers = [n for n in range(1_000) if n != 500]
    assert [entry["at"] for entry in entries] == [NOON + n * MINUTE for n in numbers]
    assert await points.letters().requeue(row["quarantine_id"], "ann") == "open"
    del sent[500]
    await applied(points, sent, [told])


async def test_a_text_that_no_table_takes_costs_its_batch_nothing(points: Reader) -> None:
    """U+0000, however it came to the log: found before the batch is tried."""
    (told,) = await programs(points, 1)
    sent = orders(told, *range(20))
    told_of = [message("gateway", event) for event in sent]
    number = msgspec.json.encode(sent[7].data.order_no)  # type: ignore[union-attr]
    value = told_of[7].value.replace(number, rb'"A\u0000"', 1)
    assert value != told_of[7].value
    told_of[7] = replace(told_of[7], value=value)
    await points.append_raw(*told_of)
    metrics = Metrics()
    await points.read(20, metrics=metrics)
    (row,) = await points.rows("quarantine")
    assert (row["class"], row["event_id"]) == ("failed", sent[7].id)
    assert 'shuke_batches_total{result="committed"} 1.0' in metrics.render().decode()
    assert 'result="rolled-back"' not in metrics.render().decode()
    del sent[7]
    await applied(points, sent, [told])


async def test_a_record_may_hold_anything(points: Reader) -> None:
    """What PostgreSQL and JSON cannot hold stands in no reason and in no column."""
    (told,) = await programs(points, 1)
    (good,) = orders(told, 1)
    value = message("gateway", good).value
    key = f"{points.program}/x"
    bad = [
        value.replace(b'"programid":"prg_', b'"programid":"\\u0000prg_'),
        value.replace(b'"quantity":1', b'"quantity":"\\ud800"'),
        value.replace(b'"quantity":1', b'"quantity":1,"\\u0000\\ud800":1'),
        b'{"id": 7}',
        b"\x00",
    ]
    await points.append_raw(
        *(Message(key, uuid5(UUID(int=0), str(n)), raw) for n, raw in enumerate(bad)),
        Message("no program's key", UUID(int=1), b"{}"),
    )
    await points.append(good)
    await points.read(len(bad) + 2)
    rows = await points.rows("quarantine")
    assert len(rows) == len(bad) + 1
    assert Counter(row["program"] for row in rows) == {points.program: len(bad), None: 1}
    assert await points.letters().requeue(rows[0]["quarantine_id"], "ann") == "open"
    await applied(points, [good], [told])


async def test_what_waited_too_long_for_its_program_is_applied_when_that_becomes_known(
    points: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "PROGRAM_SECONDS", 0.0)
    monkeypatch.setattr(requeuing, "PROGRAMS_SECONDS", 0.0)
    program = text_id("prg", random_id())
    sent = [an_order(program, no=f"A-{n}", at=NOON) for n in range(250)]
    await points.append(*sent)
    await points.read(250)
    assert await classes(points) == {"invalid": 250}
    await requeue_all(points)
    assert await classes(points) == {"invalid": 250}
    told = await begin(POINTS, points.told.database, program=program)
    await requeue_all(points)
    assert await classes(points) == {}
    assert len(await told.rows("purchase")) == 250
    assert {r["closed_by"] for r in await points.rows("quarantine")} == {"program-known"}
