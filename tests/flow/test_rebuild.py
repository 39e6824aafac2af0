"""What the log makes of a service is what the service has, row for row, whatever came when."""

import asyncio
import contextlib
import json
import re
import secrets
import subprocess
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.errors import Misconfigured, Unavailable
from shared.rebuild.making import Report
from shuke.services import SERVICES
from tests.flow.commanding import shuke, told_by
from tests.flow.lives import (
    Step,
    live,
    lives,
    orders_of_ann,
    some_days,
)
from tests.flow.whole import READERS, Whole, whole

POINTS, MEMBERS = SERVICES["points"], SERVICES["members"]
DAY = timedelta(days=1)
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
@settings(max_examples=1, phases=ONCE)
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


async def whose(services: Whole, table: str, order: str) -> Any:
    """The row of a table of points that comes first."""
    rows = await services.rows("points", f"select * from {table} order by {order} limit 1")
    return rows[0]


@pytest.mark.timeout(300)
async def test_balances_lots_and_totals_follow_from_the_entries(services: Whole) -> None:
    async with services.working():
        await some_days(services)
        report = await services.rebuild(POINTS, "entries")
    assert report.equal, told(report)
    kinds = {row["kind"] for row in await services.rows("points", "select kind from entry")}
    assert {1, 2, 6, 7, 10} <= kinds
    counted = {table.table: table.rows for table in report.tables}
    assert counted["account"] == 2
    assert counted["purchase"] == counted["lot"] - 6 == 6


@pytest.mark.timeout(300)
async def test_a_changed_balance_lot_or_total_is_named_and_made_good(services: Whole) -> None:
    async with services.working():
        await some_days(services)
    account = await whose(services, "account", "holder_id")
    lot = await whose(services, "lot", "open desc, lot_id")
    purchase = await whose(services, "purchase", "order_id")
    await services.tamper(
        "points",
        f"""
        update account set balance = balance + 7, open = open + 7
          where holder_id = '{account["holder_id"]}';
        update lot set granted = granted + 3, open = open + 3 where lot_id = '{lot["lot_id"]}';
        update purchase set posted = posted - 1 where order_id = '{purchase["order_id"]}';
        """,
    )
    report = await services.rebuild(POINTS, "entries")
    found = {table.table: table.first for table in report.tables if table.count}
    assert {name: [dict(each.key) for each in first] for name, first in found.items()} == {
        "account": [{name: account[name] for name in ("program_id", "holder_id", "wallet")}],
        "lot": [{name: lot[name] for name in ("program_id", "lot_id")}],
        "purchase": [{name: purchase[name] for name in ("program_id", "order_id")}],
    }
    expected = {"balance": account["balance"], "open": account["open"]}
    assert found["account"][0].expected == expected
    assert found["account"][0].found == {name: value + 7 for name, value in expected.items()}
    assert found["lot"][0].expected == {"granted": lot["granted"], "open": lot["open"]}
    assert found["lot"][0].found == {"granted": lot["granted"] + 3, "open": lot["open"] + 3}
    assert found["purchase"][0].expected == {"posted": purchase["posted"]}
    assert found["purchase"][0].found == {"posted": purchase["posted"] - 1}
    assert await services.violations() != []

    report = await services.rebuild(POINTS, "entries", apply=True)
    assert report.kept is not None
    assert (await services.rebuild(POINTS, "entries")).equal
    assert dict(await whose(services, "account", "holder_id")) == dict(account)
    assert await services.violations() == []
    await made_anew(services)


async def test_a_row_that_is_gone_cannot_be_made_of_entries_alone(services: Whole) -> None:
    async with services.working():
        await some_days(services)
    await services.tamper("points", "delete from lot where open > 0")
    report = await services.rebuild(POINTS, "entries")
    (lots,) = [table for table in report.tables if table.table == "lot"]
    assert lots.missing == lots.count > 0
    with pytest.raises(Misconfigured, match=r"rows of lot are missing.*--from log"):
        await services.rebuild(POINTS, "entries", apply=True)
    assert (await services.rebuild(POINTS, "log", apply=True)).kept is not None
    assert await services.violations() == []


@pytest.mark.parametrize("name", ["members", "campaigns", "analytics", "gateway"])
async def test_a_service_without_immutable_rows_says_so(services: Whole, name: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} keeps nothing that follows from immutable"):
        await services.rebuild(SERVICES[name], "entries")


async def halted(services: Whole) -> set[str]:
    """Why partitions of points stand still."""
    rows = await services.rows("points", "select halt_reason from consumer_offset where state = 1")
    return {row["halt_reason"] for row in rows}


@pytest.mark.timeout(300)
async def test_the_new_tables_take_the_old_ones_place_while_orders_come(services: Whole) -> None:
    async with services.working(workers=2, batch=5):
        program = await some_days(services)
        await services.tamper("points", "update account set balance = balance + 7, open = open + 7")
        async with asyncio.TaskGroup() as group:
            group.create_task(orders_of_ann(services, program, 60))
            rebuilding = group.create_task(services.rebuild(POINTS, apply=True))
        await services.quiet()
        report = rebuilding.result()
        assert report.kept is not None
        assert re.fullmatch(r"points_\d{8}_\d{6}", report.kept)
        differ = {table.table: table.count for table in report.tables if table.count}
        assert differ["account"] == 2
        bought = await services.rows("points", "select order_no, posted from purchase")
        assert len(bought) == 6 + 60
        assert await services.violations() == []
        await made_anew(services)
        old = await services.owned(
            f"""
            select balance - (select sum(amount) from {report.kept}.entry e
                              where e.holder_id = a.holder_id) as wrong
            from {report.kept}.account a
            """
        )
        assert [row["wrong"] for row in old] == [7, 7]
        assert await halted(services) == set()
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only added to"):
            await services.owned("delete from points.audit_chain returning 1")


@pytest.mark.timeout(300)
async def test_a_rebuild_that_is_killed_leaves_the_tables_and_lets_the_service_read_on(
    services: Whole,
) -> None:
    async with services.working():
        program = await some_days(services)
        await services.tamper("points", "update account set balance = balance + 7, open = open + 7")
        before = [dict(row) for row in await services.rows("points", "select * from account")]
        with shuke(services.config, "rebuild", "points", "--from", "log", "--apply") as process:
            async with services.in_use("points", "settings"):
                await until_halted(services, process)
                process.kill()
                process.wait()
        rows = await services.rows("points", "select * from account")
        assert [dict(row) for row in rows] == before
        await orders_of_ann(services, program, 3)
        await services.quiet()
        assert await halted(services) == set()
        bought = await services.rows("points", "select 1 from purchase")
        assert len(bought) == 6 + 3
        assert (await services.rebuild(POINTS, apply=True)).kept is not None
        assert await services.violations() == []


@pytest.mark.timeout(300)
async def test_a_log_that_does_not_reach_back_is_refused_with_what_is_missing(
    services: Whole,
) -> None:
    async with services.working():
        await some_days(services)
    (first,) = await services.rows(
        "points",
        "select partition from consumer_offset where topic = 'storefront' and next_offset > 2 "
        "order by partition limit 1",
    )
    number = first["partition"]
    await services.tamper(
        "points",
        "update log.head set start_offset = 2 from log.topic "
        f"where topic = id and name = 'storefront' and partition = {number}",
    )
    missing = f"storefront/{number} from offset 0 to 1, which points has read: it begins at 2"
    with pytest.raises(Unavailable, match=missing):
        await services.rebuild(POINTS, "log", apply=True)
    assert await halted(services) == set()
    code, _, said = await told_by(services.config, "rebuild", "points", "--from", "log")
    assert code == 3
    assert missing in said


async def until_halted(services: Whole, process: subprocess.Popen[bytes]) -> None:
    """Wait until a rebuild has everything stand still. It tries to lock what is looked at here."""
    found: set[str] = set()
    async with asyncio.timeout(60):
        while "rebuild" not in found:
            assert process.poll() is None
            await asyncio.sleep(0.05)
            with contextlib.suppress(asyncpg.LockNotAvailableError):
                found = await halted(services)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("source", ["entries", "log"])
async def test_the_command_tells_what_differs_and_its_exit_code_whether(
    services: Whole, source: str
) -> None:
    async with services.working():
        await some_days(services)
    words = ("rebuild", "points", "--from", source)
    code, out, err = await told_by(services.config, *words)
    assert (code, err) == (0, "")
    assert "✓ account: 2 rows" in out
    account = await whose(services, "account", "holder_id")
    await services.tamper(
        "points",
        "update account set balance = balance + 7, open = open + 7 "
        f"where holder_id = '{account['holder_id']}'",
    )
    code, out, _ = await told_by(services.config, *words)
    assert code == 1
    assert "✗ account: 2 rows, 1 differ" in out
    wanted, found = account["balance"], account["balance"] + 7
    assert f"holder_id={account['holder_id']}" in out
    assert f"expected balance={wanted}" in out
    assert f"found balance={found}" in out

    code, out, _ = await told_by(services.config, *words, "--json")
    assert code == 1
    told_so = json.loads(out)
    assert (told_so["service"], told_so["from"], told_so["equal"]) == ("points", source, False)
    (table,) = [each for each in told_so["tables"] if each["count"]]
    assert table["first"][0]["expected"]["balance"] == wanted

    code, out, _ = await told_by(services.config, *words, "--apply")
    assert code == 0
    assert "the new tables are in use; the old ones are in the schema points_2" in out
    code, _, _ = await told_by(services.config, *words)
    assert code == 0


async def test_a_command_for_what_cannot_be_made_anew_says_why(services: Whole) -> None:
    code, _, said = await told_by(services.config, "rebuild", "gateway", "--from", "log")
    assert code == 2
    assert "gateway keeps what staff made and shops delivered" in said
    code, _, said = await told_by(services.config, "rebuild", "members", "--from", "entries")
    assert code == 2
    assert "members keeps nothing that follows from immutable rows alone" in said
