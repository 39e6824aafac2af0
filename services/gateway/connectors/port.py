"""What a connector is: how a shop signs, and what its deliveries mean in generic form. Pure.

A connector reads its shop's dialect and says it again in the forms of the generic connector; ids,
identities and the agreement of totals are the normaliser's, the same for all.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

from msgspec import Struct, structs

from services.gateway.connectors import forms
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import ConnectionSettings, Meaning
from shared import currencies
from shared.days import EPOCH, Instant
from shared.errors import FieldError

OURS: Final = "shuke_"
"""What a shop writes at an order under names of this prefix is for us: shuke_hold_ids, …"""
QUERY: Final = ":query"
"""Stands for the query of the address among a request's headers, as it was sent."""
EVERY: Final = ":every"
"""Among the headers that a connector asks for: all there are, since each request names its own."""
BEIJING: Final = timezone(timedelta(hours=8))
"""Times of the platforms of mainland China, which never say so."""
MILLISECONDS: Final = 10**12
"""A unix time from here on is one in milliseconds."""
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


class Fetch(Struct, frozen=True):
    """Something that a notification says has changed: never how much, so its detail is fetched."""

    kind: Literal["order", "refund", "payments"]
    number: str
    """The shop's own number of it."""
    order: str = ""
    """The number of a refund's order, where the notification tells it."""
    version: int = 0
    """Of the notification: lower ones than one heard before change nothing. 0: it has none."""
    currency: str = ""
    """Of a refund's order, where the detail does not tell it."""


class Heard(Struct, frozen=True):
    """What a delivery says: events, a completion to come, what to fetch, or why nothing to us."""

    topic: str
    events: Sequence[forms.Sent] = ()
    pending: Pending | None = None
    fetch: Fetch | None = None
    ignored: str | None = None
    finer: Sequence[tuple[forms.OrderPaid | forms.Refund, Fetch]] = ()
    """What is told roughly, each with what tells it exactly and stands for it where the connection
    can fetch."""


Credentials = Mapping[str, str]
"""What calls of a connection are signed with, by the names that its connector gives."""


class Call(Struct, frozen=True):
    """One request to a platform, ready to be sent."""

    method: Literal["GET", "POST"]
    url: str
    form: Mapping[str, str] = {}
    """Sent as a form, if not empty."""
    json: Mapping[str, str] = {}
    """Sent as JSON, if not empty."""
    headers: Mapping[str, str] = {}


class Pace(Struct, frozen=True):
    """How fast a platform lets one shop be asked."""

    spacing: timedelta = timedelta(milliseconds=100)
    """Between two calls, in the long run."""
    at_once: int = 1
    """So many may come together after a rest."""


USUAL_PACE: Final = Pace()
"""Where a platform documents none: ten calls a second."""


class TryLater(Exception):
    """The platform answers that it cannot now: too many calls, an outage of its own."""


class NotAuthorised(Exception):
    """The platform does not take the credentials any more: the shop is to be connected anew."""


class TokenOver(NotAuthorised):
    """The platform does not know the token any more: another may be got by the credentials."""


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
    def MEDIA(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """Media types of its bodies."""
        ...

    @property
    def SHOP_HEADER(self) -> str | None:  # noqa: N802 - a constant of the module
        """Names the shop, unsigned: it must be the connection's."""
        ...

    def verify(
        self,
        raw: bytes,
        headers: Headers,
        secrets: Secrets,
        settings: ConnectionSettings,
        now: datetime,
    ) -> str:
        """Id of the secret that signed. Raises Refusal with the reason, for the log alone.

        A shop that the signed body names must be that of the settings.
        """
        ...

    def delivery_id(self, raw: bytes, headers: Headers) -> str:
        """What a repeated delivery has in common with the first."""
        ...

    def read(self, raw: bytes, headers: Headers, settings: ConnectionSettings) -> Heard:
        """What it says. Raises Invalid, ValidationError or DecodeError for what is unreadable."""
        ...

    def answered(self, raw: bytes, headers: Headers) -> bytes | None:
        """What the platform wants to read, with status 200, once its delivery is taken.

        None: it wants nothing of its own, and gets 202 and ours.
        """
        ...


class Standing(Struct, frozen=True):
    """Who a buyer is at the program, as members and points know them."""

    is_known: bool = False
    is_member: bool = False
    points: int = 0
    rank: int = 1
    """Of the tier on the primary ladder, the lowest being 1."""


STRANGER: Final = Standing()


class Answering(Connector, Protocol):
    """A storefront that asks what members and points know, and waits for it. Pure, too."""

    def asks(self, raw: bytes, headers: Headers) -> forms.Buyer | None:
        """Whom a delivery asks about; None: it asks nothing, or nobody can tell whom."""
        ...

    def replied(self, raw: bytes, headers: Headers, standing: Standing) -> bytes:
        """The answer to that; while nobody can tell, `answered` gives one."""
        ...


class Fetcher(Connector, Protocol):
    """A storefront whose notifications are followed by a call for the detail. Pure, too."""

    @property
    def BASE(self) -> str | None:  # noqa: N802 - a constant of the module
        """Where calls go, unless the operator says otherwise; None: to the shop's own address."""
        ...

    @property
    def CREDENTIALS(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """Names of the values that its calls need."""
        ...

    @property
    def SETTLES(self) -> timedelta:  # noqa: N802 - a constant of the module
        """So long after a notification the platform surely answers what it has told."""
        ...

    @property
    def PACE(self) -> Pace:  # noqa: N802 - a constant of the module
        """How fast one shop may be asked."""
        ...

    def call(self, wanted: Fetch, credentials: Credentials, base: str, now: datetime) -> Call:
        """The call for a detail."""
        ...

    def detail(self, wanted: Fetch, raw: bytes, settings: ConnectionSettings) -> Heard:
        """What the answer to that call says. Raises TryLater, NotAuthorised, or as `read` does."""
        ...


class Followed(Fetcher, Protocol):
    """A storefront some of whose details take a second call. Pure, too."""

    def further(self, wanted: Fetch, raw: bytes) -> Fetch | None:
        """What else to ask for, by the answer to the first call. Raises ValidationError."""
        ...

    def joined(self, first: bytes, second: bytes) -> bytes:
        """Both answers as the one that `detail` reads. Raises ValidationError."""
        ...


class Page(Struct, frozen=True):
    """A page of a listing."""

    number: int = 1
    after: str = ""
    """The shop's number of the last that the page before it told; of the first page nothing."""


class Lister(Fetcher, Protocol):
    """A storefront that can be asked what changed between two instants. Pure, too."""

    @property
    def SPAN(self) -> timedelta:  # noqa: N802 - a constant of the module
        """The longest time between the two."""
        ...

    def changed(
        self,
        since: datetime,
        until: datetime,
        page: Page,
        credentials: Credentials,
        base: str,
        now: datetime,
    ) -> Call:
        """The call for a page of what changed."""
        ...

    def listed(self, raw: bytes) -> tuple[list[Fetch], bool]:
        """What to fetch of a page, and whether another follows.

        Raises TryLater, NotAuthorised, Invalid or ValidationError.
        """
        ...


class Renewing(Fetcher, Protocol):
    """A storefront whose calls need a token that ends and is got by the credentials. Pure, too.

    Where the token is over, `detail` and `listed` raise TokenOver.
    """

    @property
    def TOKEN(self) -> str:  # noqa: N802 - a constant of the module
        """Name under which calls look for it among the credentials."""
        ...

    @property
    def RENEWED_BY(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """Names of what the credentials may hold besides, so that another one can be got."""
        ...

    def renews(self, credentials: Credentials) -> bool:
        """Whether these credentials get another one when it ends."""
        ...

    def renew(self, credentials: Credentials, base: str, now: datetime) -> Call:
        """The call for a new one."""
        ...

    def renewed(self, raw: bytes, now: datetime) -> tuple[Credentials, datetime]:
        """What joins the credentials, and when it ends.

        Raises TryLater, NotAuthorised, Invalid or ValidationError.
        """
        ...


class Message(Struct, frozen=True, kw_only=True):
    """A message that waits at a platform until it is confirmed."""

    id: int | str
    topic: str
    content: str = "{}"
    """JSON, as a text."""
    pub_time: str = ""
    user_nick: str = ""
    """The seller whose shop it is about."""


class Puller(Lister, Protocol):
    """A storefront whose messages are taken instead of delivered. Pure, too.

    `read` of a message's JSON, without headers, is what was kept of it read again.
    """

    def permit(self, credentials: Credentials, base: str, now: datetime) -> Call:
        """The call that lets a shop's messages come: once, before the first is taken."""
        ...

    def consume(self, credentials: Credentials, base: str, now: datetime) -> Call:
        """The call for the next messages; what is not confirmed comes again."""
        ...

    def messages(self, raw: bytes) -> Sequence[Message]:
        """The messages of an answer. Raises TryLater, NotAuthorised, Invalid, ValidationError."""
        ...

    def confirm(
        self, ids: Sequence[str], credentials: Credentials, base: str, now: datetime
    ) -> Call:
        """The call by which messages do not come again."""
        ...

    def accepted(self, raw: bytes) -> None:
        """Nothing, where `permit` or `confirm` did what it says. Raises as `messages`."""
        ...

    def read_message(self, message: Message, settings: ConnectionSettings) -> Heard:
        """What a message says. Raises Invalid, ValidationError or DecodeError."""
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


def beijing(text: str, pointer: str) -> Instant:
    """An instant of a shop in China, e.g. `2026-03-01 18:00:00`. Raises Invalid."""
    try:
        return Instant.parse(f"{text.replace(' ', 'T')}+08:00")
    except ValueError as error:
        message = "must be a time like 2026-03-01 18:00:00"
        raise Invalid(FieldError(pointer, "time-malformed", message)) from error


def in_beijing(at: datetime) -> str:
    """An instant as platforms of mainland China write it, e.g. `2026-03-01 18:00:00`."""
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def since_epoch(milliseconds: int, pointer: str) -> Instant:
    """The instant of a unix time in milliseconds, from 2001 on. Raises Invalid."""
    if not MILLISECONDS <= milliseconds < 100 * MILLISECONDS:
        raise Invalid(FieldError(pointer, "time-malformed", "must be a unix time"))
    return Instant.of(EPOCH + timedelta(milliseconds=milliseconds))


def plain(text: str | None, most: int) -> str | None:
    """What a platform tells of a person, cut; None for what it masks (`138****1542`) or encrypts.

    >>> plain("13800138000", 40), plain("138****1542", 40), plain("$eTS8t8h==$1$", 40)
    ('13800138000', None, None)
    """
    return text[:most] if text and "*" not in text and "$" not in text else None


def completed(paid: forms.OrderPaid, at: Instant) -> forms.OrderCompleted:
    """The same order, its receipt confirmed."""
    return forms.OrderCompleted(**structs.asdict(paid), completed_at=at.text)


def meaning(
    status: str, usual: Mapping[str, Meaning], settings: ConnectionSettings
) -> Meaning | None:
    """What a status of the platform means: as set, else as usual; None for one nobody knows."""
    return settings.status_map.get(status) or usual.get(status)


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
