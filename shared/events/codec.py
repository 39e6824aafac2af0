"""Bytes to events and back. Raises `Undecodable` with a reason for what is not an event.

The encoder's own output is canonical: a record that encodes again to the same bytes needs no
second look. Anything else is read once more by a strict, slow reader, which finds duplicate keys,
numbers beyond 2^53 and nesting too deep.
"""

import functools
import hashlib
import json
import operator
from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import RFC_4122, UUID

import msgspec
from msgspec import Meta, Raw, Struct, ValidationError, inspect

from shared import strict_json
from shared.days import EARLIEST, Instant, render
from shared.errors import Undecodable
from shared.events.catalogue import BY_PRODUCT, CATALOGUE, Data
from shared.events.envelope import Announcement, Event
from shared.ids import BODY, time_of

MAX_BYTES: Final = 256 * 1024
"""An event's size on the log."""
AHEAD: Final = timedelta(hours=24)
"""How far an event's time may lie ahead of the reader's clock."""
_VERSION: Final = 8


class _Envelope(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Attributes in the order in which they are written."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: str
    subject: Annotated[str, Meta(min_length=1, max_length=128)]
    datacontenttype: str
    programid: Annotated[str, Meta(pattern=f"^prg_{BODY}$")]
    partitionkey: Annotated[str, Meta(min_length=1, max_length=128)]
    causationid: str | None = None
    traceparent: str | None = None
    sealedcontact: str | None = None
    data: Raw


class Encoded(Struct, frozen=True, gc=False):
    """An event ready for the log."""

    topic: str
    type: str
    key: str
    id: UUID
    value: bytes


def enc_hook(value: object) -> str:
    """Text of the types that JSON lacks."""
    if isinstance(value, Instant):
        return value.isoformat(timespec="milliseconds")[:-6] + "Z"
    raise NotImplementedError(f"no JSON form for {type(value).__name__}")


def dec_hook(kind: type, value: object) -> object:
    """The types that JSON lacks, from their text."""
    if kind is Instant and isinstance(value, str):
        return Instant.parse(value)
    raise NotImplementedError(f"no {kind.__name__} from {type(value).__name__}")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=enc_hook)
_CANONICAL: Final = msgspec.json.Encoder(order="sorted")
_READ_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def encode(service: str, announcement: Announcement) -> Encoded:
    """The CloudEvents JSON of an announcement. Raises Undecodable when it exceeds 256 KiB."""
    line = BY_PRODUCT[service, type(announcement.data)]
    identity = announcement.id(service, line.name)
    value = _ENCODER.encode(
        _Envelope(
            specversion="1.0",
            id=str(identity),
            source=f"/shuke/{service}",
            type=line.type,
            time=render(announcement.at),
            subject=announcement.subject,
            datacontenttype="application/json",
            programid=announcement.program,
            partitionkey=announcement.key,
            causationid=str(announcement.causation) if announcement.causation else None,
            data=Raw(_ENCODER.encode(announcement.data)),
        )
    )
    if len(value) > MAX_BYTES:
        raise Undecodable("undecodable", f"{len(value)} bytes, at most {MAX_BYTES} are allowed")
    return Encoded(
        line.topic, line.type, f"{announcement.program}/{announcement.key}", identity, value
    )


def decode(raw: bytes, now: datetime, routes: Container[str] | None = None) -> Event | None:
    """The event of a record; None when its type is known but not among `routes`.

    Raises Undecodable: `undecodable` or `invalid`, with the reason.
    """
    if len(raw) > MAX_BYTES:
        raise Undecodable("undecodable", f"{len(raw)} bytes, at most {MAX_BYTES} are allowed")
    try:
        envelope = _READ_ENVELOPE.decode(raw)
    except ValidationError as error:
        strict(raw)
        raise Undecodable("invalid", f"envelope: {error}") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Undecodable("undecodable", f"not JSON: {error}") from error
    known = _KNOWN.get(envelope.type)
    if known is None:
        strict(raw)
        raise Undecodable("invalid", f"unknown type or version {envelope.type[:80]!r}")
    if routes is not None and envelope.type not in routes:
        return None
    identity, time = _identity(envelope, now)
    try:
        data = known.read.decode(envelope.data)
        view = known.view.decode(envelope.data)
    except (ValidationError, RecursionError, ValueError) as error:
        strict(raw)
        raise Undecodable("invalid", f"data: {error}") from error
    if _ENCODER.encode(data) != bytes(envelope.data) or len(_ENCODER.encode(envelope)) != len(raw):
        strict(raw)
    return Event(
        identity,
        envelope.type,
        time,
        envelope.programid,
        envelope.subject,
        envelope.partitionkey,
        _digest(envelope, view),
        data,
    )


def peek(raw: bytes) -> tuple[str | None, UUID | None]:
    """Program and event id of a record, as far as they can be read: for the quarantine."""
    try:
        outline = json.loads(raw[:MAX_BYTES])
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(outline, dict):
        return None, None
    program, identity = outline.get("programid"), outline.get("id")
    try:
        event = UUID(identity) if isinstance(identity, str) else None
    except ValueError:
        event = None
    return (program if isinstance(program, str) else None), event


def strict(raw: bytes) -> None:
    """Raise Undecodable for JSON that two readers could understand differently."""
    try:
        strict_json.check(raw)
    except ValueError as error:
        raise Undecodable("undecodable", f"not strict JSON: {error}") from error


def _identity(envelope: _Envelope, now: datetime) -> tuple[UUID, datetime]:
    try:
        identity = UUID(envelope.id)
        time = Instant.parse(envelope.time)
    except ValueError as error:
        raise Undecodable("invalid", f"id or time: {error}") from error
    if identity.version != _VERSION or identity.variant != RFC_4122:
        raise Undecodable("invalid", f"id {identity} is no UUID of version {_VERSION}")
    if time_of(identity) != time:
        raise Undecodable("invalid", f"id {identity} is not of the time {envelope.time}")
    if not EARLIEST <= time <= now + AHEAD:
        raise Undecodable("invalid", f"time {envelope.time} is before 2000 or over 24 h ahead")
    return identity, time


def digest(encoded: Encoded) -> int:
    """The digest of an event of our own, as its readers will compute it."""
    envelope = _READ_ENVELOPE.decode(encoded.value)
    return _digest(envelope, _KNOWN[envelope.type].view.decode(envelope.data))


def _digest(envelope: _Envelope, view: object) -> int:
    canonical = _CANONICAL.encode([
        envelope.type,
        envelope.subject,
        envelope.programid,
        envelope.partitionkey,
        view,
    ])
    return int.from_bytes(hashlib.sha256(canonical).digest()[:8], "big", signed=True)


class _Known:
    """The readers of one type: its data, and the view of it that the digest covers."""

    def __init__(self, data: type[Data]) -> None:
        info = inspect.type_info(data)
        assert isinstance(info, inspect.StructType)
        self.read: msgspec.json.Decoder[Data] = msgspec.json.Decoder(data, dec_hook=dec_hook)
        self.view: msgspec.json.Decoder[object] = msgspec.json.Decoder(_view_struct(info))


def _view_struct(info: inspect.StructType) -> type[Struct]:
    """The struct without its incidental fields; instants stay the text that they came as."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    rename = {}
    for field in info.fields:
        if isinstance(field.type, inspect.Metadata) and (field.type.extra or {}).get("incidental"):
            continue
        kind = _view(field.type)
        fields.append((field.name, kind) if field.required else (field.name, kind, field.default))
        rename[field.name] = field.encode_name
    return msgspec.defstruct(
        f"{info.cls.__name__}View", fields, rename=rename, omit_defaults=True, kw_only=True
    )


def _view(info: inspect.Type) -> Any:  # noqa: ANN401 - a type expression
    match info:
        case inspect.Metadata(type=inner):
            return _view(inner)
        case inspect.StructType():
            return _view_struct(info)
        case inspect.ListType(item_type=item):
            return list[_view(item)]  # type: ignore[misc]
        case inspect.UnionType(types=options):
            return functools.reduce(operator.or_, [_view(option) for option in options])
        case _:
            return _PLAIN[type(info)]


_PLAIN: Final[Mapping[type, type | None]] = {
    inspect.NoneType: None,
    inspect.CustomType: str,
    inspect.StrType: str,
    inspect.LiteralType: str,
    inspect.BoolType: bool,
    inspect.IntType: int,
}


_KNOWN: Final = {line.type: _Known(line.data) for line in CATALOGUE}
