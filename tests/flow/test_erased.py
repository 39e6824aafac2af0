"""Services that hear of an erasure: the member is none any more, and what was done stays."""

from datetime import timedelta
from itertools import permutations

import pytest

from shared.http.reading import Reader
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link, an_erasure
from tests.builders.storefront import an_order, customer
from tests.flow.harness import Harness, harness

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)


async def totals(service: Harness) -> dict[str, int]:
    """What a service counts."""
    count = service.service.totals
    assert count is not None
    async with service.database.reading() as connection:
        return await count(Reader(connection, service.program))


@pytest.mark.parametrize("name", ["campaigns", "analytics"])
async def test_who_was_erased_is_no_member_in_whatever_order_it_is_told(
    worker_database: str, name: str
) -> None:
    for order in permutations(range(4)):
        async with harness(SERVICES[name], worker_database) as service:
            program = service.program.text_id
            told = [
                an_order(program, at=NOON),
                a_joining(program, at=NOON),
                a_link(program, since=NOON),
                an_erasure(program, buyers=[customer()], at=NOON + DAY),
            ]
            for place in order:
                await service.apply(told[place])
            counted = await totals(service)
            assert (counted["members"], counted["orders"]) == (0, 1)
            assert await service.violations() == []


async def test_points_stop_with_the_link_and_the_ledger_stays(worker_database: str) -> None:
    """Points hear of the end of the link alone: they keep nothing that names anybody."""
    async with harness(SERVICES["points"], worker_database) as points:
        await points.settings("points", {"validity": "never"})
        program = points.program.text_id
        await points.apply(a_link(program, since=NOON))
        await points.apply(an_order(program, no="1", at=NOON + DAY, amount_minor=10_000))
        before = await points.rows("entry")
        ended = a_link(program, since=NOON, revision=2, ended_at=NOON + 2 * DAY)
        late = an_order(program, no="3", at=NOON + 3 * DAY, amount_minor=10_000)
        await points.apply(ended, late)
        assert before
        assert await points.rows("entry") == before
        in_time = an_order(program, no="2", at=NOON + 1.5 * DAY, amount_minor=10_000)
        await points.apply(in_time)
        assert len(await points.rows("entry")) == len(before) + 1
        assert await points.violations() == []
