"""The end depends on which events happened: not on their order, repeats, or batches."""

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics import queries
from services.analytics.model import ACCOUNTS, ENTRY_KINDS, SOURCE_KINDS
from shared.events.envelope import Event
from shared.http.reading import Reader
from shared.ids import text_id
from shared.random_ids import random_id
from shared.verify import verify
from shuke.services import SERVICES
from tests.flow.analytics.brute import Brute, Cells
from tests.flow.analytics.histories import histories
from tests.flow.harness import HISTORIES, Harness, harness, splits

KEYS = {
    "customer": 2,
    "member": 2,
    "fact_order": 2,
    "fact_refund": 2,
    "fact_points": 2,
    "fact_activity": 2,
    "fact_coupon": 2,
    "day_store": 3,
    "day_hour": 4,
    "day_tier": 4,
    "day_points": 6,
}
"""Everything that must not depend on the order of arrival, with the length of its key."""
CELLS = {"day_store": "", "day_hour": "hour", "day_tier": "tier"}


async def tables(told: Harness) -> dict[str, list[dict[str, Any]]]:
    """All rows by key."""
    return {
        name: await told.rows(name, ", ".join(map(str, range(1, length + 1))))
        for name, length in KEYS.items()
    }


def as_cells(rows: list[dict[str, Any]], beside: str) -> Cells:
    """Rows of a table of cells as the brute count has them."""
    found = {}
    for row in rows:
        key = (row.pop("day"), text_id("sto", row.pop("store_id")))
        place = (*key, row.pop(beside)) if beside else key
        found[place] = tuple(row.values())
    return found


def as_points(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], int]:
    """Cells of points as the brute count has them."""
    words = [
        {code: word for word, code in codes.items()}
        for codes in (ENTRY_KINDS, ACCOUNTS, SOURCE_KINDS)
    ]
    kinds, accounts, sources = words
    return {
        (
            row["day"],
            row["wallet"],
            kinds[row["kind"]],
            accounts[row["account"]],
            sources[row["source_kind"]],
        ): row["points"]
        for row in rows
    }


async def check(told: Harness, events: list[Event]) -> None:
    """The tables say what a brute count says, and every invariant holds."""
    brute = Brute(events, told.program.time_zone, told.program.currency)
    for table, beside in CELLS.items():
        assert as_cells(await told.rows(table), beside) == brute.cells(beside), table
    assert as_points(await told.rows("day_points")) == dict(brute.points())
    orders = {text_id("ord", row["order_id"]): row for row in await told.rows("fact_order")}
    for order in brute.orders():
        row = orders[order.subject]
        subject = brute.subject(order.data.customer_id)
        held = row["subject_id"]
        assert subject == (None if held is None else text_id(subject[:3] if subject else "", held))
        assert row["seq"] == (brute.seq(order) if subject else None)
    async with told.database.reading() as connection:
        totals = await queries.count_totals(Reader(connection, told.program))
    assert totals["check_ins"] == brute.check_ins()
    assert totals["orders"] == len(brute.orders())
    assert totals["refunds"] == len(brute.refunds())
    verdicts = await verify(told.service, told.database, told.program.text_id)
    assert [verdict for verdict in verdicts if verdict.violations] == []


@settings(HISTORIES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    history=histories,
    chance=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(0, 100), max_size=6),
    repeated=st.lists(st.integers(0, 100), max_size=6),
)
async def test_any_order_repeats_and_batches_end_alike(
    worker_database: str,
    other_database: str,
    history: Callable[[str], list[Event]],
    chance: Random,
    cuts: list[int],
    repeated: list[int],
) -> None:
    program = text_id("prg", random_id())
    events = sorted(history(program), key=lambda event: (event.time, event.id))
    again = [events[place % len(events)] for place in repeated] if events else []
    shuffled = [*events, *again]
    chance.shuffle(shuffled)
    service = SERVICES["analytics"]
    async with harness(service, worker_database, program=program) as told:
        if events:
            await told.apply(*events)
        reference = await tables(told)
        await check(told, events)
    async with harness(service, other_database, program=program) as told:
        for batch in splits(shuffled, cuts):
            await told.apply(*batch)
        assert await tables(told) == reference
