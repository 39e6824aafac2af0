"""The demo's staff: one for each role, all with one password, drawn once and remembered.

Who holds `owner` owns the installation where nobody else does, the demo's program otherwise.
"""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from services.gateway.staff.model import OWNER
from services.gateway.staff.rules.roles import ROLES
from shared.config import Config
from shuke.demo.programme import Operator, expect

FILE: Final = "demo-staff.json"
DOMAIN: Final = "demo.shuke"
PASSWORD_BYTES: Final = 12
_STAFF: Final = "/gateway/v1/staff"


class Enlisted(Struct, frozen=True):
    """Who may sign in to the demo, and how."""

    emails: tuple[str, ...]
    password: str


async def enlist(operator: Operator, config: Config, program: str) -> Enlisted:
    """Staff of the demo's program, made where they are missing."""
    password = _password(config.keys_dir / FILE)
    known = {each["email"]: each for each in expect(await operator.ask("GET", _STAFF))["items"]}
    owned = expect(await operator.ask("GET", "/gateway/v1/setup"))["owner"]
    emails = []
    for role in ROLES:
        email = f"{role}@{DOMAIN}"
        place = None if role == OWNER and not owned else program
        wanted = {"program_id": place, "role": role}
        await _enlist(operator, known.get(email), email, wanted, password)
        emails.append(email)
    return Enlisted(tuple(emails), password)


async def _enlist(
    operator: Operator,
    known: Mapping[str, Any] | None,
    email: str,
    role: Mapping[str, Any],
    password: str,
) -> None:
    if known is None:
        body = {"email": email, "name": role["role"], "locale": "en", "roles": [role]}
        made = await operator.made(_STAFF, None, body)
    elif known["status"] == "invited":
        made = await operator.made(f"{_STAFF}/{known['staff_id']}:invite", None, {})
    else:
        places = {each["program_id"] for each in known["roles"]}
        if not places & {None, role["program_id"]}:
            path, roles = f"{_STAFF}/{known['staff_id']}", [*known["roles"], role]
            expect(await operator.ask("PATCH", path, None, {"roles": roles}))
        return
    token = made["invitation"]["token"]
    body = {"token": token, "password": password}
    await operator.made("/gateway/v1/invitations:accept", None, body)


def _password(path: Path) -> str:
    """The password that is remembered, else a new one, kept before anybody has it."""
    if path.exists():
        return str(json.loads(path.read_text(encoding="utf-8"))["password"])
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"password": password}, file)
    return password
