"""Staff and sessions as they are told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import structs

from services.gateway.staff.model import Grant, Reached, Role, Roles, Session, Staff
from services.gateway.staff.rules.roles import PERMISSIONS, ROLES, Holding, held_in, stores_of
from services.gateway.staff.rules.sitting import expires_at, idle_expires_at
from shared.days import render
from shared.db.transaction import Row
from shared.ids import text_id


def session(
    found: Session,
    csrf_token: str,
    mfa: Mapping[str, Any],
    held: Holding,
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
        "permissions": sorted(held.rights(None).permissions),
        "programs": [_program(each, held) for each in reached],
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


def roles(own: Roles) -> dict[str, Any]:
    """The ten roles and some own ones, and every permission that there is."""
    known = {**ROLES, **own}
    return {
        "items": [role(name, each) for name, each in known.items()],
        "permissions": list(PERMISSIONS),
    }


def role(key: str, of: Role) -> dict[str, Any]:
    """A role, by what grants call it."""
    return {
        "role": key,
        "program_id": of.program,
        "name": of.name or None,
        "permissions": sorted(of.permissions),
        "fields": dict(of.fields),
        "mfa": of.mfa,
    }


def _program(of: Reached, holding: Holding) -> dict[str, Any]:
    held = held_in(holding.grants, of.program)
    permitted = holding.rights(of.program)
    return {
        "program_id": of.program,
        **{name: value for name, value in structs.asdict(of).items() if name != "program"},
        "roles": sorted({_called(each, holding.roles) for each in held}),
        "permissions": sorted(permitted.permissions),
        "stores": list(stores_of(held)),
        "fields": dict(permitted.fields),
    }


def _called(grant: Grant, known: Roles) -> str:
    """One of the ten words, or the name of a program's own role."""
    role = known.get(grant.role)
    return grant.role if role is None else role.name or grant.role


def _instant(at: datetime | None) -> str | None:
    return None if at is None else render(at)
