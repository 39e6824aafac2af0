"""Structured logs: JSON lines on stderr, and only fields that are listed here.

A field that is not listed is dropped, so personal data cannot slip into a log by accident.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

FIELDS: Final = frozenset(
    {
        "action", "applied", "attempt", "batch", "boundary", "claim", "code", "command",
        "conflict", "connection", "count", "detail", "duplicate", "endpoint", "error", "event",
        "event_id", "exc_info", "exception", "failed", "ignored", "kind", "lag", "level", "listen",
        "ms", "name", "offset", "partition", "path", "pid", "port", "program_id", "quarantined",
        "reason", "refused", "route", "seconds", "service", "signal", "state", "status",
        "timestamp", "topic", "trace_id", "type", "url", "version", "worker",
    }
)  # fmt: skip


def _only_known_fields(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key in FIELDS}


def set_up(level: str = "info") -> None:
    """Send all logs of this process to stderr as JSON lines at `level` or above."""
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _only_known_fields,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard module: keep their warnings, drop their chatter.
    logging.basicConfig(
        level=max(threshold, logging.WARNING),
        stream=sys.stderr,
        format='{"level":"%(levelname)s","name":"%(name)s","event":"library","detail":"%(message)s"}',
        force=True,
    )


def logger(service: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines name the service."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(service=service)
    return bound
