"""What a delivery says, as events that may go to the log, or what is wrong with it. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import ValidationError

from services.gateway.connectors import can_fetch, forms
from services.gateway.connectors.port import Connector, Fetch, Fetcher, Headers, Heard
from services.gateway.model import Answer, Invalid, Ready
from services.gateway.rules.normalising import Shop, normalise, untitled
from services.gateway.settings import ConnectionSettings
from shared import strict_json
from shared.errors import FieldError, Undecodable
from shared.events import codec
from shared.events.envelope import Announcement

MAX_KEYS: Final = 256
MAX_TEXT: Final = 64 * 1024
UNREADABLE: Final = (
    Invalid, msgspec.MsgspecError, ArithmeticError, AssertionError, AttributeError, LookupError,
    RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What reading a body may raise; all of it says that nobody can read it."""


def check(raw: bytes) -> Answer | None:
    """What is wrong with a JSON body whoever sent it: depth, lengths, keys given twice."""
    try:
        strict_json.check(raw, max_keys=MAX_KEYS, max_string=MAX_TEXT, max_integer=None)
    except (ValueError, UnicodeDecodeError) as error:
        return malformed(error)
    return None


def hear(
    connector: Connector, raw: bytes, headers: Headers, settings: ConnectionSettings
) -> Heard | Answer:
    """What a platform's delivery says, or why nothing."""
    if raw and _is_json(headers) and (wrong := check(raw)) is not None:
        return wrong
    try:
        return _meant(connector.read(raw, headers, settings))
    except UNREADABLE as error:
        return _wrong(error, raw)


def hear_detail(
    fetcher: Fetcher, wanted: Fetch, raw: bytes, settings: ConnectionSettings
) -> Heard | Answer:
    """What a platform's answer says of a detail. Raises TryLater or NotAuthorised."""
    try:
        return _meant(fetcher.detail(wanted, raw, settings))
    except UNREADABLE as error:
        return _wrong(error, raw)


def _meant(heard: Heard) -> Heard | Answer:
    if heard.ignored is not None:
        return Answer("ignored", reason=heard.ignored, type=heard.topic or None)
    return heard


def _wrong(error: Exception, raw: bytes) -> Answer:
    """What is wrong with a body. A slip of ours is blamed on the body that shows it."""
    if isinstance(error, Invalid):
        return Answer("failed", error=error.error)
    if isinstance(error, ValidationError):
        return Answer("failed", error=forms.explain(error, raw))
    if isinstance(error, msgspec.DecodeError | UnicodeDecodeError):
        return malformed(error)
    return Answer("failed", error=FieldError("", "unreadable", repr(error)[:200]))


def _is_json(headers: Headers) -> bool:
    """Whether a body is JSON: all are, but where a connector looks at the media of its own."""
    return "json" in headers.get("content-type", "json").partition(";")[0].lower()


def told(shop: Shop, heard: Heard) -> tuple[Sequence[forms.Sent], Sequence[Fetch]]:
    """What of the heard becomes events, and what is fetched."""
    fetches = [] if heard.fetch is None else [heard.fetch]
    if can_fetch(shop.connection):
        return heard.events, [*fetches, *(exact for _, exact in heard.finer)]
    return [*heard.events, *(rough for rough, _ in heard.finer)], fetches


def events_of(shop: Shop, heard: Heard) -> Sequence[Ready | Answer]:
    """The events of what was heard, same order."""
    return [event_of(shop, msgspec.json.encode(each)) for each in told(shop, heard)[0]]


def event_of(shop: Shop, raw: bytes) -> Ready | Answer:
    """The event of a body in generic form, or what is wrong with it."""
    try:
        return ready(normalise(shop, forms.read(raw)))
    except Undecodable as error:
        return Answer("failed", error=FieldError("", "too-large", error.reason))
    except ValidationError as error:
        return Answer("failed", error=forms.explain(error, raw))
    except Invalid as error:
        return Answer("failed", error=error.error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return malformed(error)


def malformed(error: Exception) -> Answer:
    """A body that is no JSON object."""
    return Answer("failed", error=FieldError("", "malformed", str(error)[:200]))


def ready(event: Announcement) -> Ready:
    """The event for the log, without its titles where they make it too large."""
    try:
        return Ready(event, codec.encode("gateway", event))
    except Undecodable:
        event = untitled(event)
        return Ready(event, codec.encode("gateway", event))
