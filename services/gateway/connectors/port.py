"""What a connector is: how a shop signs, and what its deliveries mean in generic form. Pure.

A connector reads its shop's dialect and says it again in the forms of the generic connector; ids,
identities and the agreement of totals are the normaliser's, the same for all.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

from msgspec import Struct

from services.gateway.connectors import forms
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import ConnectionSettings
from shared import currencies
from shared.days import Instant
from shared.errors import FieldError

OURS: Final = "shuke_"
"""What a shop writes at an order under names of this prefix is for us: shuke_hold_ids, …"""
Headers = Mapping[str, str]
"""By name in small letters, those that a connector asked for."""
Secrets = Iterable[tuple[str, str]]
"""Id and text of each active secret."""


class Pending(Struct, frozen=True):
    """A paid order that is completed when its time comes, because its shop never says so."""

    order: forms.OrderPaid
    due_at: Instant
    told_at: Instant
    """When the shop last changed it: older news change nothing."""


class Heard(Struct, frozen=True):
    """What a delivery says: events, a completion to come, or why it says nothing to us."""

    topic: str
    events: Sequence[forms.Sent] = ()
    pending: Pending | None = None
    ignored: str | None = None


class Connector(Protocol):
    """One kind of storefront: a module of pure functions."""

    @property
    def SOURCE(self) -> str:  # noqa: N802 - a constant of the module
        """Name of the kind, as connections have it."""
        ...

    @property
    def ASSURANCE(self) -> Literal["high", "low"]:  # noqa: N802 - a constant of the module
        """How sure its signature makes who sent a delivery."""
        ...

    @property
    def SIGNED_HEADERS(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """Headers that security hangs on: each at most once."""
        ...

    @property
    def HEADERS(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """What else it looks at."""
        ...

    @property
    def SHOP_HEADER(self) -> str | None:  # noqa: N802 - a constant of the module
        """Names the shop, unsigned: it must be the connection's."""
        ...

    def verify(self, raw: bytes, headers: Headers, secrets: Secrets, now: datetime) -> str:
        """Id of the secret that signed. Raises Refusal with the reason, for the log alone."""
        ...

    def delivery_id(self, raw: bytes, headers: Headers) -> str:
        """What a repeated delivery has in common with the first."""
        ...

    def read(self, raw: bytes, headers: Headers, settings: ConnectionSettings) -> Heard:
        """What it says. Raises Invalid, ValidationError or DecodeError for what is unreadable."""
        ...


def verify_hmac(raw: bytes, given: str | None, secrets: Secrets) -> str:
    """Id of the secret whose HMAC-SHA-256 of the body, as base64, was given. Raises Refusal."""
    if not given:
        raise Refusal("header-missing")
    told = given.encode("latin-1")
    for secret_id, secret in secrets:
        digest = hmac.digest(secret.encode(), raw, hashlib.sha256)
        if hmac.compare_digest(base64.b64encode(digest), told):
            return secret_id
    raise Refusal("signature-wrong")


def minor(value: Decimal, currency: str, pointer: str) -> int:
    """Minor units of an amount, half up. Raises Invalid."""
    try:
        return currencies.minor(value, currency)
    except ValueError as error:
        raise Invalid(FieldError(pointer, "money-malformed", str(error))) from error


def instant(text: str, pointer: str) -> Instant:
    """An instant of the shop, with an offset. Raises Invalid."""
    try:
        return Instant.parse(text)
    except ValueError as error:
        message = "must be RFC 3339 with an offset"
        raise Invalid(FieldError(pointer, "time-malformed", message)) from error


def noted(written: Iterable[tuple[str, object]]) -> dict[str, Any]:
    """What a shop wrote for us at an order, as fields of its generic form; lists by commas."""
    found = {
        name.removeprefix(OURS): [part.strip()[:64] for part in value.split(",")][:20]
        for name, value in written
        if name.startswith(OURS) and isinstance(value, str) and value
    }
    lists = ("hold_ids", "redemption_ids", "campaign_codes")
    source = next(iter(found.get("source_code", [])), None)
    return {name: found.get(name, []) for name in lists} | {"source_code": source}


def days(wanted: int | None, usual: timedelta) -> timedelta:
    """A number of days that may be set."""
    return usual if wanted is None else timedelta(days=wanted)
