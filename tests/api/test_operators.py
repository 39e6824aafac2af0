"""What operators see and decide: records set aside, programs set aside, partitions that stand."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.points.flow import FLOW
from shared.clock import system
from shared.db.engine import Database
from shared.db.parking import park
from shared.db.transaction import transaction
from shared.requeuing import Requeuer
from shared.surroundings import Surroundings
from tests.api.harness import SUBJECT, Api, Caller, ok, problem
from tests.api.worlds import POINTS, an_empty_program, set_aside, telling
from tests.builders.events import message
from tests.builders.storefront import an_order

pytestmark = pytest.mark.asyncio(loop_scope="session")
LETTERS = "/v1/dead-letters"
DECISION = {"reason": "sent twice"}
MENDED = {"because": "mended"}


@pytest_asyncio.fixture(loop_scope="session")
async def worker(points: Api) -> AsyncIterator[Requeuer]:
    """The part of the worker that does what is asked for over HTTP."""
    assert points.site.config.database_url is not None
    async with Database("points", points.site.config.database_url, worker=True, size=2) as database:
        yield Requeuer(FLOW, database, points.site.keys, Surroundings())


async def ids(caller: Caller, **params: Any) -> list[str]:
    """Ids of the records that a list gives."""
    items = ok(await caller.get(LETTERS, page_size=200, **params))["items"]
    return [item["quarantine_id"] for item in items]


async def test_records_set_aside_are_listed_by_class_topic_and_state(points: Api) -> None:
    program = await an_empty_program(points)
    failed = await set_aside(points, program, 1, 3)
    conflicts = await set_aside(points, program, 2, klass="conflict")
    staff = points.caller(program)
    assert await ids(staff) == [failed[0], *conflicts, failed[1]]
    assert await ids(staff, **{"class": "conflict"}) == conflicts
    assert await ids(staff, topic="members") == []
    ok(await staff.post(f"{LETTERS}/{failed[0]}:discard", DECISION))
    assert await ids(staff, **{"class": "failed"}) == failed[1:]
    assert await ids(staff, state="discarded") == failed[:1]


async def test_a_record_tells_where_and_why_but_not_what(points: Api) -> None:
    program = await an_empty_program(points)
    (letter,) = await set_aside(points, program, 1, raw=b'{"phone": "13800001542"}')
    found = await points.caller(program).get(f"{LETTERS}/{letter}")
    body = ok(found)
    assert (body["class"], body["reason"], body["topic"]) == ("failed", "no good", "storefront")
    assert (body["state"], body["attempts"], body["program_id"]) == ("open", 1, program)
    assert "1380000" not in found.text


async def test_only_an_operator_sees_what_is_of_no_program(points: Api) -> None:
    program = await an_empty_program(points)
    (letter,) = await set_aside(points, program, 1, klass="undecodable")
    sql = "update points.quarantine set program = null where reason = 'no good' and program = $1"
    await points.site.execute(sql, program)
    problem(await points.caller(program).get(f"{LETTERS}/{letter}"), 404, "not-found")
    assert await ids(points.caller(program)) == []
    assert ok(await points.caller(None).get(f"{LETTERS}/{letter}"))["program_id"] is None
    assert letter in await ids(points.caller(None), **{"class": "undecodable"})


async def test_the_worker_tries_again_what_was_asked_for(points: Api, worker: Requeuer) -> None:
    async with telling(points) as told:
        program = told.program.text_id
        await told.settings("points", POINTS)
    good = message("gateway", an_order(program)).value
    (letter,) = await set_aside(points, program, 1, raw=good)
    (wrong,) = await set_aside(points, program, 2)
    staff = points.caller(program)
    for each in (letter, wrong):
        asked = ok(await staff.post(f"{LETTERS}/{each}:requeue"), 202)
        assert (asked["state"], asked["asked_by"]) == ("open", SUBJECT)
    await worker.turn()
    done = ok(await staff.get(f"{LETTERS}/{letter}"))
    assert (done["state"], done["closed_by"], done["asked_by"]) == ("requeued", SUBJECT, None)
    failed = ok(await staff.get(f"{LETTERS}/{wrong}"))
    assert (failed["state"], failed["attempts"], failed["class"]) == ("open", 2, "invalid")
    assert failed["asked_by"] is None
    assert ok(await staff.get("/v1/totals"))["orders"] == 1
    problem(await staff.post(f"{LETTERS}/{letter}:requeue"), 409, "state-conflict")


async def test_all_of_a_class_are_asked_for_at_once_but_no_conflict(points: Api) -> None:
    program, other = await an_empty_program(points), await an_empty_program(points)
    await set_aside(points, program, 1, 2)
    await set_aside(points, program, 3, klass="invalid")
    await set_aside(points, other, 1)
    staff = points.caller(program)
    assert ok(await staff.post(f"{LETTERS}:requeue", {"class": "failed"}), 202) == {"asked": 2}
    body = {"class": "invalid", "topic": "members"}
    assert ok(await staff.post(f"{LETTERS}:requeue", body), 202) == {"asked": 0}
    problem(await staff.post(f"{LETTERS}:requeue", {"class": "conflict"}), 422, "invalid")
    (left,) = ok(await points.caller(other).get(LETTERS))["items"]
    assert left["asked_by"] is None


async def test_a_conflict_can_only_be_discarded_and_that_once(points: Api) -> None:
    program = await an_empty_program(points)
    (letter,) = await set_aside(points, program, 1, klass="conflict")
    staff = points.caller(program)
    async with points.nothing_changes(program):
        problem(await staff.post(f"{LETTERS}/{letter}:requeue"), 409, "state-conflict")
        problem(await staff.post(f"{LETTERS}/{letter}:discard", {"reason": ""}), 422, "invalid")
    done = ok(await staff.post(f"{LETTERS}/{letter}:discard", DECISION))
    assert (done["state"], done["closed_because"]) == ("discarded", "sent twice")
    assert done["closed_by"] == SUBJECT
    problem(await staff.post(f"{LETTERS}/{letter}:discard", DECISION), 409, "state-conflict")


async def test_a_program_set_aside_is_taken_up_again(points: Api, worker: Requeuer) -> None:
    async with telling(points) as told:
        program = told.program.text_id
        async with transaction(told.database) as tx:
            await park(tx, [(told.program.id, "storefront")])
    good = message("gateway", an_order(program)).value
    (letter,) = await set_aside(points, program, 1, klass="parked", raw=good)
    staff, path = points.caller(program), "/v1/parked-programs"
    (item,) = ok(await staff.get(path))["items"]
    assert (item["program_id"], item["topic"]) == (program, "storefront")
    problem(await staff.post(f"{path}/members:resume", MENDED), 404, "not-found")
    ok(await staff.post(f"{path}/storefront:resume", MENDED), 202)
    assert ok(await staff.get(path))["items"] == []
    problem(await staff.post(f"{path}/storefront:resume", MENDED), 404, "not-found")
    await worker.turn()
    assert ok(await staff.get(f"{LETTERS}/{letter}"))["state"] == "requeued"
    (audit,) = await points.site.query(
        "select * from points.resumption where program = $1", program
    )
    assert (audit["reason"], audit["topic"], audit["because"]) == ("parked", "storefront", "mended")
    assert audit["by_whom"] == SUBJECT


async def halt(points: Api, partition: int, reason: str, at: int) -> None:
    """A partition that stands still."""
    await points.site.execute(
        """
        insert into points.consumer_offset (topic, partition, epoch, claim_id, worker, first_offset,
                                            next_offset, last_digest, state, halt_reason)
        values ('storefront', $1, 1, gen_random_uuid(), '', $2, $2, 'x', 1, $3)
        on conflict (topic, partition) do update
          set state = 1, halt_reason = $3, first_offset = $2, next_offset = $2, applied = 0,
              ignored = 0, refused = 0, duplicate = 0, conflict = 0, quarantined = 0, parked = 0
        """,
        partition,
        at,
        reason,
    )


async def position(points: Api, partition: int) -> dict[str, Any]:
    """Where a partition stands."""
    sql = "select * from points.consumer_offset where topic = 'storefront' and partition = $1"
    (row,) = await points.site.query(sql, partition)
    return row


async def test_a_halt_that_lost_records_ends_at_an_offset_within_the_log(points: Api) -> None:
    await halt(points, 7, "lost", 500)
    operator, path = points.caller(None), "/v1/halts/storefront/7:resume"
    items = ok(await operator.get("/v1/halts"))["items"]
    (found,) = [item for item in items if item["partition"] == 7]
    assert (found["reason"], found["next_offset"]) == ("lost", 500)
    problem(await operator.post(path, MENDED), 422, "offset-required")
    problem(await operator.post(path, MENDED | {"at": 0, "accept": 3}), 422, "accept-not-taken")
    body = problem(await operator.post(path, MENDED | {"at": 10**6}), 422, "offset-outside-log")
    assert "1000000" in body["detail"]
    assert (await position(points, 7))["state"] == 1
    resumed = ok(await operator.post(path, MENDED | {"at": 0}))
    assert (resumed["next_offset"], resumed["to_offset"]) == (500, 0)
    row = await position(points, 7)
    assert (row["state"], row["first_offset"], row["next_offset"]) == (0, 0, 0)
    assert (row["epoch"], row["last_digest"], row["halt_reason"]) == (2, None, None)
    problem(await operator.post(path, MENDED | {"at": 0}), 409, "not-halted")
    (audit,) = await points.site.query(
        "select * from points.resumption where partition = 7 and reason = 'lost'"
    )
    assert (audit["from_offset"], audit["to_offset"], audit["because"]) == (500, 0, "mended")
    assert audit["by_whom"] == SUBJECT
    assert abs(audit["at"] - system()) < timedelta(minutes=1)


async def test_a_halt_at_the_limit_goes_on_where_it_stood(points: Api) -> None:
    await halt(points, 8, "quarantine-limit", 40)
    operator, path = points.caller(None), "/v1/halts/storefront/8:resume"
    problem(await operator.post(path, MENDED | {"at": 0}), 422, "offset-not-taken")
    assert ok(await operator.post(path, MENDED | {"accept": 1_000}))["to_offset"] == 40
    row = await position(points, 8)
    assert (row["state"], row["next_offset"], row["accept_until"]) == (0, 40, 1_040)
    assert row["last_digest"] is not None


async def test_halts_are_of_all_programs_and_no_programs_business(points: Api) -> None:
    await halt(points, 9, "gap", 3)
    staff = points.caller(await an_empty_program(points))
    problem(await staff.get("/v1/halts"), 403, "forbidden")
    path = "/v1/halts/storefront/9:resume"
    problem(await staff.post(path, MENDED | {"at": 0}), 403, "forbidden")
    assert (await position(points, 9))["state"] == 1
    ok(await points.caller(None).post(path, MENDED | {"at": 0}))


async def test_at_the_gateway_they_stand_beside_its_own_routes(gateway: Api) -> None:
    operator = gateway.caller(None)
    for path in (LETTERS, "/v1/halts"):
        problem(await operator.get(path), 404, "not-found")
        ok(await operator.get(f"/api/gateway{path}"))
