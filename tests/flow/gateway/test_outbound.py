"""Outgoing webhooks in a real database, over real connections: nothing is lost, nothing twice."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from services.gateway.outbound import store
from services.gateway.outbound.model import DELIVERED, EXHAUSTED, PENDING
from services.gateway.outbound.sending import LEASE
from shared.db.transaction import transaction
from shared.errors import HttpProblem
from shared.ids import text_id
from shared.sealing import KeyRing
from shared.sweeps import Job, take_page
from shuke.services import SERVICES
from tests.builders.actors import an_actor
from tests.builders.storefront import an_order
from tests.flow.gateway.outside import NOON, Outside
from tests.flow.gateway.receiver import Answer
from tests.flow.harness import harness

SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)


async def test_an_endpoint_that_fails_for_an_hour_gets_everything_afterwards_once_per_id(
    out: Outside,
) -> None:
    """Signed, byte for byte as on the log; what it refused comes again by the schedule."""
    await out.add()
    mended_at = out.watch.now + HOUR
    out.to.answer = lambda _got: Answer(503 if out.watch.now < mended_at else 200)
    events = await out.orders(40)
    await out.pass_time(HOUR, 30 * SECOND)
    assert out.to.taken == []
    refused = len(out.to.got)
    assert 40 < refused < 120  # one a minute from the tenth failure on
    await out.pass_time(8 * HOUR, 5 * MINUTE)
    assert sorted(got.body for got in out.to.taken) == sorted(event.raw for event in events)
    assert set(Counter(got.id for got in out.to.taken).values()) == {1}
    assert all(got.signed_by(out.secret) for got in out.to.got)
    assert {row["state"] for row in await out.messages()} == {DELIVERED}
    assert len(await out.attempts()) == refused + 40
    endpoint = await out.endpoint()
    assert (endpoint["state"], endpoint["failures"]) == ("enabled", 0)


async def test_a_batch_that_comes_again_makes_no_second_message(out: Outside) -> None:
    await out.add()
    events = await out.orders(3)
    before = await out.messages()
    await out.told.apply(*events)
    assert await out.messages() == before
    assert [row["body"] for row in before] == [event.raw for event in events]
    await out.send()
    ids = {text_id("msg", row["message_id"]) for row in before}
    assert {got.id for got in out.to.got} == ids


async def test_without_an_endpoint_a_batch_reads_once_and_writes_nothing(out: Outside) -> None:
    await out.orders(1)
    one = out.told.statements
    await out.orders(200)
    assert await out.messages() == []
    await out.add(types=["refund"])
    await out.orders(1)
    assert out.told.statements == one
    assert await out.messages() == []


async def test_an_event_goes_out_as_cloud_events_with_the_headers_of_the_standard(
    out: Outside,
) -> None:
    await out.add()
    (event,) = await out.orders(1)
    await out.send()
    (got,) = out.to.got
    assert got.path == "/hook?shop=1"
    assert got.body == event.raw
    assert got.headers["host"] == f"hooks.test:{out.to.port}"
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert got.headers["user-agent"].startswith("shuke/")
    assert got.signed_by(out.secret)


async def test_eight_at_a_time_and_no_more_whoever_sends(out: Outside) -> None:
    """Two workers share what is due: each message is sent once."""
    await out.add()
    out.to.answer = lambda _got: Answer(seconds=0.02)
    await out.orders(60)
    senders = [out.another(), out.another()]
    while PENDING in {row["state"] for row in await out.messages()}:
        await asyncio.gather(*(out.send(sender) for sender in senders))
    assert len(out.to.got) == 60
    assert out.to.most_under_way == 8


async def test_what_a_killed_worker_had_claimed_comes_back(out: Outside) -> None:
    """Its lease ends, and somebody else sends; a late word of the dead changes nothing."""
    await out.add()
    await out.orders(1)
    key = (out.told.program.id, out.endpoint_id)
    async with transaction(out.told.database) as tx:
        (dead,) = await store.claim(tx, key, 8, out.watch.now, LEASE, ordered=False)
    assert await out.send() == 0
    out.watch.now += LEASE
    assert await out.send() == 1
    async with transaction(out.told.database) as tx:
        assert not await store.settle(tx, dead, EXHAUSTED, out.watch.now)
    (row,) = await out.messages()
    assert (row["state"], row["attempts"]) == (DELIVERED, 1)


async def test_what_is_cut_off_when_a_worker_stops_comes_back(out: Outside) -> None:
    """An endpoint that does not answer does not keep a process from ending."""
    await out.add()
    out.to.answer = lambda _got: Answer(seconds=5)
    await out.orders(1)
    assert await out.sender.start_due() == 1
    await out.sender.finish(0.1)
    assert await out.attempts() == []
    out.to.answer = lambda _got: Answer()
    out.watch.now += LEASE
    assert await out.send() == 1
    (row,) = await out.messages()
    assert row["state"] == DELIVERED


async def test_replays_among_what_is_on_its_way_hold_up_nobody(out: Outside) -> None:
    """Endpoint first, then message: whoever locks both does so in one order."""
    await out.add()
    await out.orders(24)
    messages = [row["message_id"] for row in await out.messages()]

    async def replay(message: UUID) -> None:
        with contextlib.suppress(HttpProblem):  # it is on its way
            await out.endpoints.replay(out.told.program, message, an_actor(out.watch.now))

    while PENDING in {row["state"] for row in await out.messages()}:
        again = [replay(message) for message in messages[::4]]
        await asyncio.gather(out.send(), out.send(out.another()), *again)
        messages = messages[8:]
    assert len({got.id for got in out.to.taken}) == 24


async def test_an_ordered_endpoint_gets_one_of_a_subject_at_a_time(out: Outside) -> None:
    """The next of it only when the first was taken; other subjects go their way."""
    await out.add(ordered=True)
    events = await out.orders(2)
    again = await out.orders(2, first=0, kind="paid")
    broken = events[0].subject.encode()
    out.to.answer = lambda got: Answer(500 if broken in got.body else 200)
    await out.send()
    await out.send()
    assert [got.body for got in out.to.got] == [events[0].raw, events[1].raw, again[1].raw]
    out.to.answer = lambda _got: Answer()
    await out.pass_time(10 * SECOND, SECOND)
    assert [got.body for got in out.to.got[3:]] == [events[0].raw, again[0].raw]


async def test_a_message_that_is_given_up_lets_the_next_of_its_subject_go(out: Outside) -> None:
    await out.add(ordered=True)
    (first,) = await out.orders(1)
    (second,) = await out.orders(1, first=0, kind="paid")
    refused = first.raw
    out.to.answer = lambda got: Answer(400 if got.body == refused else 200)
    await out.pass_time(36 * HOUR, 5 * MINUTE)
    assert [row["state"] for row in await out.messages()] == [EXHAUSTED, DELIVERED]
    assert Counter(got.body for got in out.to.got) == {first.raw: 8, second.raw: 1}


async def test_the_eight_attempts_keep_to_the_schedule(out: Outside) -> None:
    await out.add()
    out.to.answer = lambda _got: Answer(500, body=b"no")
    await out.orders(1)
    began = out.watch.now
    await out.pass_time(2 * MINUTE, SECOND)
    await out.pass_time(40 * HOUR, MINUTE)
    attempts = await out.attempts()
    times = [0, 5, 305, 2_105, 9_305, 27_305, 63_305, 113_705]
    assert [each["number"] for each in attempts] == [1, 2, 3, 4, 5, 6, 7, 8]
    for each, usual in zip(attempts, times, strict=True):
        assert usual * 0.9 - 1 <= (each["at"] - began).total_seconds() <= usual * 1.1 + 240
        assert (each["status"], each["error"], each["answer"]) == (500, "status", b"no")
    (message,) = await out.messages()
    assert message["state"] == EXHAUSTED


async def test_410_disables_at_once_and_enabling_sends_what_was_kept(out: Outside) -> None:
    await out.add()
    out.to.answer = lambda _got: Answer(410)
    await out.orders(1)
    await out.send()
    endpoint = await out.endpoint()
    assert (endpoint["state"], endpoint["reason"]) == ("disabled", "gone")
    assert b"shuke_endpoints_disabled_total 1.0" in out.around.metrics.render()
    await out.orders(3)
    assert await out.pass_time(HOUR, MINUTE) == 0
    out.to.answer = lambda _got: Answer()
    await out.endpoints.enable(out.told.program, out.endpoint_id, an_actor())
    await out.send()
    await out.pass_time(HOUR, MINUTE)
    assert [row["state"] for row in await out.messages()] == [DELIVERED] * 4
    assert len(out.to.taken) == 4


async def test_72_hours_without_success_disable_and_lose_nothing(out: Outside) -> None:
    await out.add()
    out.to.answer = lambda _got: Answer(500)
    began = out.watch.now
    while (await out.endpoint())["state"] == "enabled":
        await out.orders(1)
        await out.pass_time(HOUR, 10 * MINUTE)
        assert out.watch.now - began < 74 * HOUR
    assert out.watch.now - began >= 72 * HOUR
    assert (await out.endpoint())["reason"] == "failing"
    assert b"shuke_endpoints_disabled_total 1.0" in out.around.metrics.render()
    out.to.answer = lambda _got: Answer()
    await out.endpoints.enable(out.told.program, out.endpoint_id, an_actor())
    await out.pass_time(20 * HOUR, 10 * MINUTE)
    states = Counter(row["state"] for row in await out.messages())
    assert states[PENDING] == 0
    assert states[DELIVERED] == len(out.to.taken) > 30
    assert sum(states.values()) >= 72


async def test_an_endpoint_that_asks_for_time_gets_it(out: Outside) -> None:
    """All of it is left alone, not only the message that was refused."""
    await out.add()
    out.to.answer = lambda _got: Answer(429, {"retry-after": "600"})
    await out.orders(1)
    await out.send()
    await out.orders(5)
    assert await out.pass_time(9 * MINUTE, MINUTE) == 0
    out.to.answer = lambda _got: Answer()
    assert await out.pass_time(3 * MINUTE, MINUTE) == 1 + 5


async def test_both_secrets_sign_while_they_overlap(out: Outside) -> None:
    await out.add()
    older = out.secret
    _, newer = await out.endpoints.rotate(
        out.told.program, out.endpoint_id, "v1", 24 * HOUR, an_actor(out.watch.now)
    )
    await out.orders(1)
    await out.send()
    out.watch.now += 25 * HOUR
    await out.orders(1)
    await out.send()
    first, second = out.to.got
    assert first.signed_by(older)
    assert first.signed_by(newer)
    assert not second.signed_by(older)
    assert second.signed_by(newer)


async def test_a_message_is_kept_for_thirty_days_with_its_attempts(out: Outside) -> None:
    await out.add()
    await out.orders(3)
    await out.send()
    assert len(await out.attempts()) == 3

    async def swept(days: int) -> int:
        until = out.watch.now + days * DAY
        job = Job(out.told.program, "messages", until.date(), until)
        async with transaction(out.told.database) as tx:
            dues, failures = await take_page(tx, SERVICES["gateway"], job, None)
        assert not failures
        return len(dues)

    assert await swept(29) == 0
    assert len(await out.messages()) == 3
    assert await swept(31) == 3
    assert await out.messages() == []
    assert await out.attempts() == []


async def test_an_endpoint_whose_secret_does_not_open_holds_up_nobody_else(
    out: Outside, tmp_path: Path
) -> None:
    """A key ring that is not its own signs nothing: the message says so and waits."""
    await out.add()
    (tmp_path / "other").mkdir()
    stranger = Outside(out.told, KeyRing.create(tmp_path / "other"), out.to)
    await stranger.add()
    await out.orders(1)
    await out.send()
    assert len(out.to.got) == 1
    assert out.to.got[0].signed_by(out.secret)
    assert {each["error"] for each in await out.attempts()} == {None, "unsigned"}


async def test_an_endpoint_gets_events_of_its_own_program_alone(
    out: Outside, endpoints_database: str
) -> None:
    await out.add()
    async with harness(SERVICES["gateway"], endpoints_database) as other:
        await other.apply(an_order(other.program.text_id, at=NOON))
    await out.orders(2)
    await out.send()
    assert len(out.to.got) == 2
    assert all(out.told.program.text_id.encode() in got.body for got in out.to.got)
