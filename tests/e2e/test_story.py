"""The worked example, told over HTTP to real processes, leaves what is written there.

Told in order, then to another program with the refund first. `story/` holds the document's rows,
events and answers; `°` there is what differs from run to run.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest
from msgspec import Struct

from shared.clock import system
from shared.db.transaction import statements
from shared.events import codec
from shared.verify import Verdict
from shuke.checking import Look
from shuke.services import SERVICES
from tests.e2e import stack as processes
from tests.e2e import telling
from tests.e2e.stack import Stack
from tests.e2e.telling import SECRET, Told

pytestmark = pytest.mark.timeout(300)
IN_ORDER: Final = ("A", "K and B", "C", "R", "A again")
REFUND_FIRST: Final = ("R", "A", "K and B", "C", "A again")
TOPICS: Final = ("storefront", "members", "points", "campaigns")
ROWS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "in order": telling.read("rows"),
    "refund first": telling.read("rows_refund_first"),
}
EVENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "in order": telling.read("events"),
    "refund first": telling.read("events_refund_first"),
}
ANSWERS: Final = telling.read("answers")
PROBLEMS: Final = telling.read("problems")
TABLES: Final = tuple(ROWS["in order"]["A"])
TAKEN: Final = {"delivery": "°", "status": "published"}
DELIVERED: Final = {
    "A": TAKEN,
    "K and B": {"accepted": 2, "duplicates": 0, "failed": []},
    "C": TAKEN,
    "R": TAKEN,
    "A again": {"delivery": "°", "status": "duplicate"},
}
DIGESTS: Final = {
    "A-1001": "38a7893416cc5eeb",
    "check-in": "fe2b6ca532005973",
    "B-1002": "116e3dd3e46c7ac1",
    "RA-1": "ef931df805ecc23a",
}


class Heard(Struct, frozen=True):
    """What a box answered and held while it was told the story."""

    told: Told
    delivered: Mapping[str, tuple[int, Any]]
    rows: Mapping[str, Mapping[str, Any]]
    """By step and table."""
    repeats: tuple[float, float]
    """Repeats that the gateway had counted before and after the last step."""
    records: Mapping[str, Sequence[Any]]
    answers: Mapping[str, Any]
    verdicts: Sequence[Verdict]


@pytest.fixture(scope="module")
def box(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A box with the keys of the document."""
    folder = tmp_path_factory.mktemp("story")
    telling.keys(folder / "keys")
    with processes.database(server, template) as url, processes.box(folder, url) as running:
        yield running


@pytest.fixture(scope="module")
def in_order(box: Stack) -> Heard:
    """The story as it happened, in the document's program."""
    return asyncio.run(tell(box, telling.document(), IN_ORDER))


@pytest.fixture(scope="module")
def refund_first(box: Stack) -> Heard:
    """The refund comes before everything else, in another program."""
    return asyncio.run(tell(box, telling.another(), REFUND_FIRST))


@pytest.fixture(scope="module")
def heard(in_order: Heard, refund_first: Heard) -> Mapping[str, Heard]:
    """Both."""
    return {"in order": in_order, "refund first": refund_first}


async def tell(stack: Stack, told: Told, steps: Sequence[str]) -> Heard:
    """Deliver step by step, look after each, ask at the end."""
    await telling.begin(stack, told)
    delivered, rows = {}, {}
    async with stack.look() as look:
        for step in steps:
            before = await stack.counted("intake_total", result="duplicate")
            delivered[step] = await told.tell(stack, step.removesuffix(" again"), f"msg {step[:7]}")
            await look.until_quiet(processes.QUIET_SECONDS)
            rows[step] = {table: await told.rows(look, table) for table in TABLES}
        after = await stack.counted("intake_total", result="duplicate")
        records = {topic: await told.records(look, topic) for topic in TOPICS}
        verdicts = await look.verify(told.program)
    answers = {name: await told.ask(stack, ANSWERS[name]["path"]) for name in ANSWERS}
    return Heard(told, delivered, rows, (before, after), records, answers, verdicts)


def masked(found: Any, expected: Any) -> Any:
    """What was found, with `°` where it may be any text."""
    if expected == "°" and isinstance(found, str) and found:
        return "°"
    if isinstance(found, dict) and isinstance(expected, dict):
        return {key: masked(value, expected.get(key)) for key, value in found.items()}
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return [masked(*pair) for pair in zip(found, expected, strict=True)]
    return found


def written(run: str, step: str) -> dict[str, Any]:
    """Rows of all tables after a step: each step's file names the tables that it changed."""
    rows: dict[str, Any] = {table: [] for table in TABLES}
    for each, changed in ROWS[run].items():
        rows |= changed
        if each == step:
            return rows
    return rows


def events(heard: Heard, topic: str) -> list[Any]:
    """The events of a topic in the document's ids."""
    return [heard.told.translated(json.loads(record.value)) for record in heard.records[topic]]


@pytest.mark.parametrize("step", IN_ORDER)
@pytest.mark.parametrize("run", ROWS)
def test_each_delivery_is_answered_as_written(
    heard: Mapping[str, Heard], run: str, step: str
) -> None:
    """202 for all, also for A's repeat."""
    status, body = heard[run].delivered[step]
    assert (status, masked(body, DELIVERED[step])) == (202, DELIVERED[step])


@pytest.mark.parametrize(
    ("run", "step"),
    [("in order", step) for step in IN_ORDER] + [("refund first", step) for step in REFUND_FIRST],
)
def test_each_step_leaves_the_rows_written(heard: Mapping[str, Heard], run: str, step: str) -> None:
    """In every table of every service; a repeat changes none."""
    found, expected = heard[run].rows[step], written(run, step)
    for table in TABLES:
        assert found[table] == expected[table], table


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("run", EVENTS)
def test_each_topic_holds_the_events_written(
    heard: Mapping[str, Heard], run: str, topic: str
) -> None:
    """Whole envelopes with their derived ids, in the order of arrival; nothing else."""
    expected = EVENTS[run][topic]
    assert masked(events(heard[run], topic), expected) == expected


@pytest.mark.parametrize(("topic", "partition"), [("storefront", 10), ("members", 7),
                                                  ("points", 7), ("campaigns", 7)])  # fmt: skip
def test_a_key_goes_to_the_partition_written(in_order: Heard, topic: str, partition: int) -> None:
    """Program and customer, or program and member, hashed as Kafka does."""
    ids = in_order.told.ids
    key = f"{ids['P']}/{ids['CUS' if topic == 'storefront' else 'MEM']}"
    places = {(record.key, record.partition) for record in in_order.records[topic]}
    assert places == {(key, partition)}


def test_the_digest_of_an_event_covers_what_is_value_bearing(in_order: Heard) -> None:
    found = {}
    for record in in_order.records["storefront"]:
        event = codec.decode(record.value, system())
        assert event is not None
        name = getattr(event.data, "refund_no", getattr(event.data, "order_no", "check-in"))
        found[name] = (event.digest % 2**64).to_bytes(8, "big").hex()
    assert {name: found[name] for name in DIGESTS} == DIGESTS


@pytest.mark.parametrize("name", ANSWERS)
def test_the_gateway_answers_as_written(in_order: Heard, name: str) -> None:
    """After step 5; the repeat of A changed no answer."""
    expected = ANSWERS[name]["body"]
    assert masked(in_order.answers[name], expected) == expected


@pytest.mark.parametrize("run", ROWS)
def test_a_repeat_is_counted_and_nothing_else(heard: Mapping[str, Heard], run: str) -> None:
    before, after = heard[run].repeats
    assert after == before + 1


@pytest.mark.parametrize("run", ROWS)
def test_every_invariant_holds_afterwards(heard: Mapping[str, Heard], run: str) -> None:
    verdicts = heard[run].verdicts
    assert {verdict.service for verdict in verdicts} == {*SERVICES, "all"}
    assert [verdict for verdict in verdicts if verdict.violations] == []


def test_the_order_of_arrival_changes_only_what_may_differ(
    in_order: Heard, refund_first: Heard
) -> None:
    """Ledger lines, revisions and versions; balance, lots, facts, cells and the coupon agree."""
    first, second = in_order.rows["A again"], refund_first.rows["A again"]
    assert {table for table in TABLES if first[table] != second[table]} == {
        "members.tier_segment",
        "points.account",
        "points.entry",
        "points.purchase",
        "points.tier_span",
        "analytics.fact_points",
    }
    assert refund_first.answers["balance"]["wallets"][0]["balance"] == 1044
    assert refund_first.answers["home"]["kpis"]["points"] == {
        "issued": 1044, "redeemed": 0, "expired": 0, "reversed": 0,
        "outstanding": 1044, "purchase_share_bp": 9952,
    }  # fmt: skip


async def test_a_foreign_entry_is_not_found(
    box: Stack, in_order: Heard, refund_first: Heard
) -> None:
    """The key of another program learns nothing of it."""
    entry = in_order.told.ids["EC"]
    for path in (f"/points/v1/entries/{entry}", f"/points/v1/entries/{entry}/explanation"):
        answer = await box.get(path, refund_first.told.key)
        expected = PROBLEMS["foreign entry"]
        assert (answer.status_code, masked(answer.json(), expected)) == (404, expected)


async def test_a_bad_event_is_refused_and_a_bulk_takes_the_good_ones(
    box: Stack, in_order: Heard
) -> None:
    """Each problem names the field; a repeat in a bulk is a duplicate."""
    bulk = telling.read("deliveries")["K and B"]
    bulk["events"][1]["lines"][0]["list_minor"] = -1
    connection = in_order.told.ids["WHK"]
    one = telling.raw(bulk["events"][1])
    answer = await box.deliver(connection, SECRET, "msg bad", one)
    expected = PROBLEMS["bad event"]
    assert (answer.status_code, masked(answer.json(), expected)) == (422, expected)
    bulk["events"][0]["occurred_at"] = "2026-03-06T09:00:00+08:00"
    many = telling.raw(bulk)
    answer = await box.deliver(connection, SECRET, "msg bad bulk", many, "/bulk")
    failed = [{"index": 1, "code": "minimum", "pointer": "/events/1/lines/0/list_minor"}]
    assert answer.json() == {"accepted": 1, "duplicates": 0, "failed": failed}
    answer = await box.deliver(connection, SECRET, "msg bad bulk 2", many, "/bulk")
    assert answer.json() == {"accepted": 0, "duplicates": 1, "failed": failed}


async def test_a_repeat_that_the_gateway_forgot_is_dropped_by_every_inbox(
    box: Stack, refund_first: Heard
) -> None:
    """After a restart the gateway publishes it again; each service counts a duplicate, no more."""
    told = refund_first.told
    box.stop()
    box.start()
    async with box.look() as look:
        await look.until_quiet(processes.QUIET_SECONDS)
        before = await duplicates(look)
        status, body = await told.tell(box, "A", "msg after restart")
        assert (status, masked(body, TAKEN)) == (202, TAKEN)
        await look.until_quiet(processes.QUIET_SECONDS)
        after = await duplicates(look)
        rows = {table: await told.rows(look, table) for table in TABLES}
        records = {topic: await told.records(look, topic) for topic in TOPICS[1:]}
    assert after == {service: number + 1 for service, number in before.items()}
    assert rows == refund_first.rows["A again"]
    assert records == {topic: refund_first.records[topic] for topic in TOPICS[1:]}


async def duplicates(look: Look) -> dict[str, int]:
    """Repeats on the topic `storefront` that each service dropped."""
    found = {}
    for service in ("members", "points", "campaigns", "analytics"):
        async with statements(look.databases[service]) as tx:
            row = await tx.fetch_one(
                "select sum(duplicate) from consumer_offset where topic = 'storefront'"
            )
        assert row is not None
        found[service] = int(row[0])
    return found
