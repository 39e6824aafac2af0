"""What a rule answers: applied, skipped or refused. Values, importable by rules."""

import msgspec


class Applied(msgspec.Struct, frozen=True, gc=False):
    """The fact or command took effect."""


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """Nothing to do, for a reason that is no error (known already, not of this service)."""

    reason: str


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The rule says no: a stable code, and in words what was expected and what came."""

    code: str
    detail: str = ""
    status: int = 409


Outcome = Applied | Skipped | Refused
APPLIED = Applied()
