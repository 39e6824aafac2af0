"""What the log makes of a service is what the service has, row for row, whatever came when."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.rebuild.making import Report
from tests.flow.lives import Step, live, lives
from tests.flow.whole import READERS, Whole, whole

ONCE = (Phase.generate,)
"""A failure depends on what came when: a smaller history need not fail, too."""
LIVES = st.lists(lives(), min_size=3, max_size=3)


def told(report: Report) -> str:
    """What differs, in words."""
    tables = [f"{t.table}: {t.count} of {t.rows}: {t.first[:3]}" for t in report.tables if t.count]
    return f"{report.service} from {report.source}: {tables} {report.otherwise[:5]}"


async def made_anew(services: Whole, source: str = "log") -> None:
    """Every service's tables come out as they are."""
    for service in READERS:
        report = await services.rebuild(service, source)
        assert report.equal, told(report)


async def live_together(services: Whole, histories: Sequence[Sequence[Step]]) -> None:
    """Several programs at once, and all services rebuilt meanwhile and afterwards."""
    async with asyncio.TaskGroup() as group:
        for steps in histories:
            group.create_task(live(services, steps))
        group.create_task(made_anew(services))
    await services.quiet()
    await made_anew(services)
    for service in READERS:
        assert await services.rows(service.name, "select from program")
    assert await services.violations() == []


@pytest.fixture
async def services(fresh_database: str, tmp_path: Path) -> AsyncIterator[Whole]:
    """All services on a log in PostgreSQL."""
    async with whole(tmp_path, fresh_database) as opened:
        yield opened


@pytest.mark.timeout(600)
@settings(max_examples=3, phases=ONCE)
@given(LIVES)
async def test_the_log_makes_the_same_tables_while_the_services_work(
    services: Whole, histories: list[list[Step]]
) -> None:
    async with services.working(batch=7):
        await live_together(services, histories)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=40, phases=ONCE)
@given(LIVES, st.integers(1, 2), st.sampled_from([1, 5, 1000]))
async def test_the_log_makes_the_same_tables_however_many_work(
    services: Whole, histories: list[list[Step]], workers: int, batch: int
) -> None:
    async with services.working(workers, batch):
        await live_together(services, histories)


@pytest.mark.timeout(600)
@settings(max_examples=1, phases=ONCE)
@given(histories=LIVES)
async def test_a_log_in_kafka_makes_the_same_tables(
    fresh_database: str, tmp_path: Path, kafka_servers: str, histories: list[list[Step]]
) -> None:
    more = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_servers,
        "SHUKE_TOPIC_PREFIX": f"r{secrets.token_hex(4)}.",
    }
    async with whole(tmp_path, fresh_database, **more) as services, services.working(batch=50):
        await live_together(services, histories)
