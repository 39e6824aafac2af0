"""Endpoints, messages and attempts as they are told, over HTTP and by commands alike."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from services.gateway.outbound.model import PENDING, STATES
from shared.days import render
from shared.ids import text_id


def endpoint(row: Row[Any]) -> dict[str, Any]:
    """An endpoint as it stands."""
    return {
        "endpoint_id": text_id("ept", row.endpoint_id),
        "url": row.url,
        "name": row.name,
        "types": row.types,
        "ordered": row.ordered,
        "state": row.state,
        "reason": row.reason,
        "failures": row.failures,
        "failing_since": render(row.failing_since) if row.failing_since else None,
        "created_at": render(row.created_at),
    }


def secret(secret_id: UUID, signature: str, value: str) -> dict[str, Any]:
    """What an endpoint verifies with, this once."""
    return {"secret_id": text_id("sec", secret_id), "signature": signature, "secret": value}


def secret_line(row: Row[Any]) -> dict[str, Any]:
    """A secret without its value."""
    return {
        "secret_id": text_id("sec", row.secret_id),
        "signature": row.signature,
        "not_before": render(row.not_before),
        "not_after": render(row.not_after) if row.not_after else None,
    }


def message(row: Row[Any]) -> dict[str, Any]:
    """A message as it stands."""
    return {
        "message_id": text_id("msg", row.message_id),
        "endpoint_id": text_id("ept", row.endpoint_id),
        "event_id": str(row.event_id),
        "type": row.type,
        "subject": row.subject,
        "state": STATES[row.state],
        "attempts": row.attempts,
        "created_at": render(row.created_at),
        "due_at": render(row.due_at) if row.state == PENDING else None,
    }


def whole(row: Row[Any], attempts: Sequence[Row[Any]]) -> dict[str, Any]:
    """A message with its body and attempts."""
    return message(row) | {
        "body": msgspec.json.decode(row.body),
        "tries": [_attempt(each) for each in attempts],
    }


def _attempt(row: Row[Any]) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": render(row.at),
        "status": row.status,
        "error": row.error,
        "took_ms": row.took_ms,
        "answer": row.answer.decode(errors="replace"),
    }
