"""Every metric of Shuke: name, kind, unit and meaning in one table, and a thin recorder.

Prometheus text on `/metrics`, prefix `shuke_`. No label holds a member or a program.
"""

from typing import Final, Literal

from msgspec import Struct
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series beside each, of no use

Name = Literal[
    "events_total",
    "batches_total",
    "batch_retries_total",
    "fenced_total",
    "claims_total",
    "consumer_recreated_total",
    "relay_sent_total",
    "relay_failures_total",
    "quarantine_total",
    "commands_total",
    "idempotent_replays_total",
    "sweep_rows_total",
    "intake_total",
    "intake_spooled_total",
    "intake_breaker_open",
    "delivery_log_dropped_total",
    "fetch_total",
    "credentials_ending",
    "contact_boxes_total",
    "messages_total",
    "endpoints_disabled_total",
    "message_seconds",
    "event_age_seconds",
    "batch_seconds",
    "batch_events",
    "relay_send_seconds",
    "relay_age_seconds",
    "http_request_seconds",
    "pg_pool_wait_seconds",
    "lag_events",
    "lag_seconds",
    "partition_halted",
    "quarantine_open",
    "programs_parked",
    "outbox_bundles",
    "outbox_oldest_age_seconds",
    "relay_active",
    "sweep_behind_days",
    "audit_unsealed_seconds",
    "audit_head_failures_total",
    "clock_skew_seconds",
    "eventloop_lag_seconds",
    "pg_pool_in_use",
    "pg_oldest_transaction_seconds",
    "invariant_violations",
    "resident_bytes",
]


class _Metric(Struct, frozen=True):
    kind: Literal["counter", "histogram", "gauge"]
    labels: tuple[str, ...]
    meaning: str


_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)
_EVENTS: Final = (1, 5, 10, 50, 100, 250, 500, 1000, 2500, 5000)

METRICS: Final[dict[Name, _Metric]] = {
    "events_total": _Metric("counter", ("topic", "outcome"), "Records that a position passed"),
    "batches_total": _Metric("counter", ("result",), "Batches tried, by what became of them"),
    "batch_retries_total": _Metric("counter", ("class",), "Turns of the loop repeated, by error"),
    "fenced_total": _Metric("counter", ("reason",), "Partitions lost to another worker"),
    "claims_total": _Metric("counter", (), "Partitions claimed"),
    "consumer_recreated_total": _Metric("counter", (), "Readers of the log made anew"),
    "relay_sent_total": _Metric("counter", (), "Events sent from the outbox"),
    "relay_failures_total": _Metric("counter", (), "Sends of the relay that failed"),
    "quarantine_total": _Metric("counter", ("class",), "Records set aside"),
    "commands_total": _Metric("counter", ("route", "result"), "Commands by status"),
    "idempotent_replays_total": _Metric("counter", (), "Answers given again"),
    "sweep_rows_total": _Metric("counter", ("kind",), "Keys that sweeps handled"),
    "intake_total": _Metric("counter", ("kind", "result"), "Deliveries by source and answer"),
    "intake_spooled_total": _Metric("counter", (), "Events taken while the log was away"),
    "intake_breaker_open": _Metric("gauge", (), "1 while events go to the gateway's outbox"),
    "fetch_total": _Metric("counter", ("kind", "result"), "Details asked for at platforms"),
    "credentials_ending": _Metric(
        "gauge", ("kind",), "Connections whose credentials end and are renewed by nobody"
    ),
    "contact_boxes_total": _Metric("counter", ("result",), "Boxes of contacts, by what became"),
    "delivery_log_dropped_total": _Metric("counter", (), "Delivery rows lost, never events"),
    "messages_total": _Metric("counter", ("result",), "Attempts to send messages"),
    "endpoints_disabled_total": _Metric("counter", (), "Endpoints outside that were given up"),
    "message_seconds": _Metric("histogram", (), "Attempts to send messages"),
    "event_age_seconds": _Metric("histogram", ("topic",), "Oldest of a batch, append to commit"),
    "batch_seconds": _Metric(
        "histogram",
        ("stage",),
        "Stages of a batch: poll, decode, load, claim, fold, save, commit; and all but the first",
    ),
    "batch_events": _Metric("histogram", (), "Events of a batch"),
    "relay_send_seconds": _Metric("histogram", (), "One read of the outbox, sent"),
    "relay_age_seconds": _Metric("histogram", (), "Oldest bundle of a read, commit to sent"),
    "http_request_seconds": _Metric("histogram", ("route", "status"), "Requests answered"),
    "pg_pool_wait_seconds": _Metric("histogram", (), "Waiting for a connection of the pool"),
    "lag_events": _Metric("gauge", ("topic", "partition"), "Records behind the end"),
    "lag_seconds": _Metric("gauge", ("topic", "partition"), "How long the next record waits"),
    "quarantine_open": _Metric("gauge", ("class",), "Records set aside and not decided on"),
    "programs_parked": _Metric("gauge", ("topic",), "Programs set aside for a topic"),
    "partition_halted": _Metric("gauge", ("topic", "partition", "reason"), "1 when it stands"),
    "outbox_bundles": _Metric("gauge", (), "Bundles that the relay has yet to send"),
    "outbox_oldest_age_seconds": _Metric("gauge", (), "Since when the oldest bundle waits"),
    "relay_active": _Metric("gauge", (), "1 in the process whose relay works"),
    "sweep_behind_days": _Metric("gauge", ("kind",), "Local days ended and not swept"),
    "audit_unsealed_seconds": _Metric("gauge", (), "Since when an entry of the audit is unsealed"),
    "audit_head_failures_total": _Metric("counter", (), "Heads of the audit not written outside"),
    "clock_skew_seconds": _Metric("gauge", (), "This process's clock − PostgreSQL's"),
    "eventloop_lag_seconds": _Metric("gauge", (), "How late the loop's last second came"),
    "pg_pool_in_use": _Metric("gauge", (), "Connections of the pool that are in use"),
    "pg_oldest_transaction_seconds": _Metric("gauge", (), "Age of the oldest open transaction"),
    "invariant_violations": _Metric("gauge", (), "Found by the last full `shuke verify`"),
    "resident_bytes": _Metric("gauge", (), "Memory of the process"),
}


class Metrics:
    """The metrics of one service in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        makers = {"counter": Counter, "gauge": Gauge}
        self._metrics = {}
        for name, metric in METRICS.items():
            full = f"shuke_{name}"
            if metric.kind == "histogram":
                buckets = _EVENTS if name == "batch_events" else _SECONDS
                made = Histogram(
                    full, metric.meaning, metric.labels, registry=self._registry, buckets=buckets
                )
            else:
                made = makers[metric.kind](
                    full, metric.meaning, metric.labels, registry=self._registry
                )
            self._metrics[name] = made

    def count(self, name: Name, *labels: str, by: float = 1) -> None:
        """Raise a counter."""
        if by:
            self._with(name, labels).inc(by)

    def observe(self, name: Name, value: float, *labels: str) -> None:
        """Add a value to a histogram."""
        self._with(name, labels).observe(value)

    def gauge(self, name: Name, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._with(name, labels).set(value)

    def forget(self, name: Name) -> None:
        """Drop all values of a gauge: what is gone must not stay as it was last."""
        self._metrics[name].clear()

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)

    def _with(self, name: Name, labels: tuple[str, ...]):  # type: ignore[no-untyped-def]  # noqa: ANN202
        metric = self._metrics[name]
        return metric.labels(*labels) if labels else metric
