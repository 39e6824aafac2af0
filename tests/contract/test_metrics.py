"""Metrics are those documented, and alarms ask for nothing else."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from shared.metrics import METRICS, Metrics

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final[list[dict[str, Any]]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alarms.yaml").read_text("utf-8"))[
        "groups"
    ]
    for rule in group["rules"]
]
COUNTERS: Final = {
    "events_total": "topic outcome", "batches_total": "result", "batch_retries_total": "class",
    "fenced_total": "reason", "claims_total": "", "consumer_recreated_total": "",
    "relay_sent_total": "", "relay_failures_total": "", "quarantine_total": "class",
    "commands_total": "route result", "idempotent_replays_total": "", "sweep_rows_total": "kind",
    "intake_total": "kind result", "intake_spooled_total": "", "delivery_log_dropped_total": "",
    "fetch_total": "kind result",
    "contact_boxes_total": "result",
    "messages_total": "result", "endpoints_disabled_total": "",
    "audit_head_failures_total": "",
}  # fmt: skip
HISTOGRAMS: Final = {
    "event_age_seconds": "topic", "batch_seconds": "stage", "batch_events": "",
    "relay_send_seconds": "", "relay_age_seconds": "", "http_request_seconds": "route status",
    "pg_pool_wait_seconds": "", "message_seconds": "",
}  # fmt: skip
GAUGES: Final = {
    "lag_events": "topic partition", "lag_seconds": "topic partition",
    "partition_halted": "topic partition reason", "quarantine_open": "class", "outbox_bundles": "",
    "outbox_oldest_age_seconds": "", "relay_active": "", "sweep_behind_days": "kind",
    "clock_skew_seconds": "", "eventloop_lag_seconds": "", "pg_pool_in_use": "",
    "pg_oldest_transaction_seconds": "", "invariant_violations": "", "resident_bytes": "",
    "programs_parked": "topic", "intake_breaker_open": "", "credentials_ending": "kind",
    "audit_unsealed_seconds": "",
}  # fmt: skip
ALARMS: Final = {
    "ShukeLag": "lag_seconds > 60",
    "ShukeRetrying": "batch_retries_total > 0",
    "ShukePartitionHalted": "partition_halted > 0",
    "ShukeProgramsParked": "programs_parked > 0",
    "ShukeQuarantineOpen": "quarantine_open > 0",
    "ShukeOutboxOld": "outbox_oldest_age_seconds > 30",
    "ShukeSweepBehind": "sweep_behind_days > 1",
    "ShukeInvariantViolated": "invariant_violations > 0",
    "ShukeAuditUnsealed": "audit_unsealed_seconds > 60",
    "ShukeAuditHeadsUnwritten": "audit_head_failures_total > 0",
    "ShukeOldTransaction": "pg_oldest_transaction_seconds > 600",
    "ShukeIntakeBreakerOpen": "intake_breaker_open > 0",
    "ShukePlatformRefuses": "fetch_total > 0",
    "ShukeCredentialsEnd": "credentials_ending > 0",
    "ShukeDeliveriesFail": "intake_total > 0",
    "ShukeSecretExpired": "intake_total > 0",
    "ShukeEndpointDisabled": "endpoints_disabled_total > 0",
}


def test_there_are_the_metrics_that_dashboards_count_on() -> None:
    """Whoever renames one breaks what operators have built: name, kind and labels stay."""
    found = {(metric.kind, name, " ".join(metric.labels)) for name, metric in METRICS.items()}
    kinds = {"counter": COUNTERS, "histogram": HISTOGRAMS, "gauge": GAUGES}
    assert found == {
        (kind, name, labels) for kind, named in kinds.items() for name, labels in named.items()
    }


def test_every_metric_is_told_with_its_meaning_before_it_has_a_value() -> None:
    text = Metrics().render().decode()
    for name, metric in METRICS.items():
        assert re.search(rf"^# HELP shuke_{name} {re.escape(metric.meaning)}$", text, re.MULTILINE)


def test_the_alarms_are_those_that_are_documented() -> None:
    found = {}
    for rule in RULES:
        (name,) = re.findall(r"shuke_(\w+)", rule["expr"])
        found[rule["alert"]] = f"{name} {rule['expr'][rule['expr'].index('>') :]}"
    assert found == ALARMS


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alarm_asks_only_for_what_is_told(rule: dict[str, Any]) -> None:
    """Metrics and labels that exist; a name that does not would be silent for ever."""
    names = re.findall(r"shuke_(\w+)", rule["expr"])
    assert names
    assert set(names) <= METRICS.keys()
    known = {"job", *(label for name in names for label in METRICS[name].labels)}
    grouped = re.findall(r"by \(([^)]*)\)", rule["expr"])
    told = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
    asked = {label.strip() for part in grouped for label in part.split(",")}
    assert asked <= known
    assert set(told) <= asked


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alarm_says_what_to_do(rule: dict[str, Any]) -> None:
    """Its runbook is a section of a page, under its own name."""
    assert rule["annotations"]["summary"]
    page, _, section = rule["annotations"]["runbook"].partition("#")
    assert section == rule["alert"].lower()
    headings = re.findall(r"^#+ (\w+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert rule["alert"] in headings
