"""What a worker tells on `/metrics`: every figure by its documented name, and no id of anybody."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared import lag, measuring
from shared.config import Config
from shared.metrics import METRICS
from shuke.checking import Look
from tests.builders.storefront import an_order, customer
from tests.flow.working import NOON, POINTS, Working, a_program, meddle, working

ID = re.compile(r"[a-z]{3}_[a-z2-7]{26}|[0-9a-f]{8}-[0-9a-f]{4}-")
"""A text id, or a uuid."""
WORKED = {
    "events_total", "batches_total", "claims_total", "relay_sent_total", "quarantine_total",
    "event_age_seconds", "batch_seconds", "batch_events", "relay_send_seconds",
    "relay_age_seconds", "pg_pool_wait_seconds", "lag_events", "lag_seconds", "quarantine_open",
    "outbox_bundles", "outbox_oldest_age_seconds", "relay_active", "sweep_behind_days",
    "clock_skew_seconds", "eventloop_lag_seconds", "pg_pool_in_use",
    "pg_oldest_transaction_seconds", "invariant_violations", "resident_bytes",
}  # fmt: skip
"""What has a value once a worker has applied, set aside and sent something."""
STAGES = {"poll", "decode", "load", "claim", "fold", "save", "commit", "all"}


@pytest.fixture
async def worker(
    fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Working]:
    """A worker that looks at itself often."""
    monkeypatch.setattr(lag, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(measuring, "FIGURES_SECONDS", 0.1)
    async with working(fresh_database, tmp_path) as worker:
        yield worker


async def test_all_figures_are_told_and_none_holds_an_id(
    worker: Working, fresh_database: str
) -> None:
    async with a_program(fresh_database) as told:
        program = told.program.text_id
        owner = await asyncpg.connect(fresh_database)
        await owner.execute("alter table points.purchase add check (order_no <> 'REFUSED')")
        await owner.close()
        await worker.append(
            *(an_order(program, no=f"A-{n}", at=NOON, amount_minor=1_000) for n in range(20)),
            an_order(program, no="REFUSED", at=NOON, buyer=customer(2)),
        )
        await worker.comes_to(
            "events_total", lambda found: found.get(("storefront", "applied")) == 20
        )
        await worker.comes_to("quarantine_open", lambda found: found[("failed",)] == 1)
        await worker.comes_to("relay_sent_total", lambda found: sum(found.values()) > 0)
    families = {family.name.removeprefix("shuke_"): family for family in await worker.families()}
    assert families.keys() == {name.removesuffix("_total") for name in METRICS}
    for name, metric in METRICS.items():
        family = families[name.removesuffix("_total")]
        labels = {frozenset(sample.labels.keys() - {"le"}) for sample in family.samples}
        assert labels <= {frozenset(metric.labels)}
        assert bool(labels) or name not in WORKED, name
    values = [value for family in families.values() for value in _label_values(family)]
    assert values
    assert not [value for value in values if ID.search(value)]
    stages = {sample.labels["stage"] for sample in families["batch_seconds"].samples}
    assert stages == STAGES


def _label_values(family: Any) -> list[str]:
    return [value for sample in family.samples for value in sample.labels.values()]


async def test_a_worker_tells_what_verify_found_last(worker: Working, fresh_database: str) -> None:
    """Over all programs; what is looked at of one program alone is not kept."""
    config = Config.from_environment({"DATABASE_URL": fresh_database})
    async with a_program(fresh_database) as told:
        program = told.program.text_id
        await worker.append(an_order(program, no="A-1", at=NOON, amount_minor=1_000))
        await worker.comes_to("events_total", lambda found: ("storefront", "applied") in found)
    for step, wrong in ((1, True), (-1, False)):
        await meddle(
            fresh_database, f"update account set balance = balance + {step}, open = open + {step}"
        )
        async with Look([POINTS], config) as look:
            verdicts = await look.verify()
            await look.keep(verdicts)
        found = sum(len(verdict.violations) for verdict in verdicts)
        assert bool(found) is wrong
        await worker.comes_to(
            "invariant_violations",
            lambda values, found=found: values[()] == found,  # type: ignore[misc]
        )
