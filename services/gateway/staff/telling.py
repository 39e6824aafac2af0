"""Staff and sessions as they are told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import structs

from services.gateway.staff.model import Grant, Reached, Session, Staff
from services.gateway.staff.rules.roles import (
    PERMISSIONS,
    ROLES,
    Rights,
    held_in,
    rights,
    stores_of,
)
from services.gateway.staff.rules.sitting import expires_at, idle_expires_at
from shared.days import render
from shared.db.transaction import Row
from shared.ids import text_id


def session(
    found: Session,
    csrf_token: str,
    mfa: Mapping[str, Any],
    grants: Sequence[Grant],
    reached: Sequence[Reached],
) -> dict[str, Any]:
    """A session document."""
    return {
        "session_id": text_id("ses", found.session_id),
        "staff_id": text_id("stf", found.staff_id),
        "email": found.email,
        "name": found.name,
        "locale": found.locale,
        "csrf_token": csrf_token,
        "expires_at": render(expires_at(found.sitting)),
        "idle_expires_at": render(idle_expires_at(found.sitting)),
        "mfa": {**mfa, "stepped_up_until": _instant(mfa["stepped_up_until"])},
        "permissions": sorted(rights(each.role for each in held_in(grants, None)).permissions),
        "programs": [_program(each, grants) for each in reached],
    }


def session_line(row: Row, current: UUID) -> dict[str, Any]:
    """One of somebody's sessions."""
    return {
        "session_id": text_id("ses", row["session_id"]),
        "began_at": render(row["began_at"]),
        "seen_at": render(row["seen_at"]),
        "network": row["network"],
        "agent": row["agent"],
        "current": row["session_id"] == current,
    }


def staff(found: Staff) -> dict[str, Any]:
    """A staff member."""
    return {
        "staff_id": text_id("stf", found.staff_id),
        "email": found.email,
        "name": found.name,
        "locale": found.locale,
        "status": found.status,
        "mfa_enrolled": found.enrolled,
        "created_at": render(found.created_at),
        "roles": [
            {"program_id": each.program, "role": each.role, "stores": list(each.stores)}
            for each in found.grants
        ],
    }


def roles() -> dict[str, Any]:
    """The roles, and every permission that there is."""
    return {
        "items": [
            {
                "role": name,
                "permissions": sorted(role.permissions),
                "fields": {"contact": role.contact, "private": role.private},
                "mfa": role.mfa,
            }
            for name, role in ROLES.items()
        ],
        "permissions": list(PERMISSIONS),
    }


def _program(of: Reached, grants: Sequence[Grant]) -> dict[str, Any]:
    held = held_in(grants, of.program)
    permitted: Rights = rights(each.role for each in held)
    return {
        "program_id": of.program,
        **{name: value for name, value in structs.asdict(of).items() if name != "program"},
        "roles": sorted({each.role for each in held}),
        "permissions": sorted(permitted.permissions),
        "stores": list(stores_of(held)),
        "fields": dict(permitted.fields),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else render(at)
