"""What services know of programs: an older word changes nothing, an early order waits."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.db import programs
from shared.db.transaction import transaction
from shared.events.envelope import Cause, Event
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged
from shared.ids import text_id
from shared.random_ids import random_id
from shared.service import Service
from shuke.services import SERVICES
from tests.builders.events import event, instant
from tests.builders.storefront import STORE, an_order
from tests.flow.harness import HISTORIES, harness
from tests.flow.log import SECONDS, reading
from tests.flow.whole import READERS

STATES: tuple[Any, ...] = ("open", "paused", "closed")


def changed(program: str, version: int, status: Any = "open") -> Event:
    """A program as it is after some changes."""
    data = ProgramChanged(
        name=f"v{version}", time_zone="Asia/Shanghai", currency="CNY", default_region="CN",
        locale="zh-CN", status=status, version=version,
    )  # fmt: skip
    return told(program, data, program, version)


def store_changed(program: str, version: int, status: Any = "open") -> Event:
    """A store as it is after some changes."""
    data = StoreChanged(
        store_id=STORE, kind="branch", name=f"v{version}", region="CN", status=status,
        version=version,
    )  # fmt: skip
    return told(program, data, STORE, version)


def told(program: str, data: Any, subject: str, version: int) -> Event:
    """The gateway's word of it."""
    return event(
        "gateway", data, program=program, key=program, subject=subject,
        at=instant("2026-02-01"), cause=Cause(subject[:3], subject, version),
    )  # fmt: skip


@pytest.mark.parametrize("service", READERS, ids=lambda each: each.name)
async def test_a_lower_version_of_a_program_or_store_is_ignored(
    service: Service, fresh_database: str, tmp_path: Path
) -> None:
    """By every service, through its own pipeline; the older events count as read all the same."""
    async with reading(service, fresh_database, tmp_path) as reader:
        program = reader.program
        events = [
            changed(program, 3, "paused"),
            store_changed(program, 3, "paused"),
            changed(program, 2, "closed"),
            store_changed(program, 2, "closed"),
        ]
        await reader.append(*events, topic="programs")
        await reader.read(4, batch=1)
        async with transaction(reader.told.database) as tx:
            found = (await programs.load(tx))[program]
        assert (found.name, found.status) == ("v3", "paused")
        assert [(each.text_id, each.status) for each in found.stores] == [(STORE, "paused")]
        assert await reader.outcomes() == {"applied": 4}


@HISTORIES
@given(order=st.permutations([1, 2, 3, 4]), cut=st.integers(0, 4))
async def test_in_whatever_order_changes_come_the_highest_version_stands(
    worker_database: str, order: list[int], cut: int
) -> None:
    """In one batch or in two."""
    async with harness(SERVICES["members"], worker_database) as found:
        identity = text_id("prg", random_id())
        for part in (order[:cut], order[cut:]):
            changes = [(identity, changed(identity, n, STATES[n % 3]).data) for n in part]
            async with transaction(found.database) as tx:
                await programs.apply_programs(tx, changes)  # type: ignore[arg-type]
        async with transaction(found.database) as tx:
            program = (await programs.load(tx))[identity]
        assert (program.name, program.status) == ("v4", STATES[4 % 3])


async def test_an_order_before_its_program_changed_waits_and_then_counts_once(
    fresh_database: str, tmp_path: Path
) -> None:
    """The position does not pass it; once the program is known it takes effect, a repeat none."""
    members = SERVICES["members"]
    async with reading(members, fresh_database, tmp_path) as reader:
        program = text_id("prg", random_id())
        order = an_order(program)
        await reader.append(order)
        pipeline = reader.pipeline()
        for _ in range(3):
            assert await pipeline.turn() == 0
        assert await reader.rows("order_seen") == []
        assert await reader.rows("quarantine") == []
        await reader.append(changed(program, 1), topic="programs")
        await reader.append(order)
        passed = 0
        async with asyncio.timeout(SECONDS):
            while passed < 3:
                passed += await pipeline.turn()
        await pipeline.close()
        assert len(await reader.rows("order_seen")) == 1
        assert await reader.outcomes() == {"applied": 2, "duplicate": 1}
