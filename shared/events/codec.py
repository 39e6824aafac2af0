"""Bytes to events and back. Raises `Undecodable` with a reason for what is not an event.

What `encode` wrote travels with the digest of its value-bearing content beside it, so that each of
its readers need not work it out again; such a record is as our own encoder writes it.

Anything else is looked at closely. What an event may hold is known by its type, so a record without
escapes that has exactly as many keys as its event is written with can hide nothing: no duplicate,
no unknown field. The rest is read once more by a strict, slow reader, which finds duplicate keys,
numbers beyond 2^53 and nesting too deep.

A text with the character U+0000, which PostgreSQL refuses, is found here: a record that breaks its
batch costs the batch again, and more.
"""

import hashlib
import json
import re
from collections.abc import Callable, Container, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, Final, Literal
from uuid import RFC_4122, UUID

import msgspec
from msgspec import Meta, Raw, Struct, ValidationError, inspect, structs

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


class _Attributes(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Attributes of an event in the order in which they are written, but for its data."""

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    time: str
    subject: Annotated[str, Meta(min_length=1, max_length=128)]
    datacontenttype: str
    programid: Annotated[str, Meta(pattern=f"^prg_{BODY}$")]
    partitionkey: Annotated[str, Meta(min_length=1, max_length=128)]
    causationid: str | None = None
    traceparent: str | None = None
    sealedcontact: Annotated[str, Meta(max_length=4096)] | None = None


class _Envelope(_Attributes, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """An event whose data is not read yet."""

    data: Raw


class _Written(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The same as it is written."""

    specversion: str
    id: UUID
    source: str
    type: str
    time: str
    subject: str
    datacontenttype: str
    programid: str
    partitionkey: str
    causationid: UUID | None = None
    sealedcontact: str | None = None
    data: Any


class Encoded(Struct, frozen=True, gc=False):
    """An event ready for the log."""

    topic: str
    type: str
    key: str
    id: UUID
    value: bytes
    digest: int


def enc_hook(value: object) -> str:
    """Text of the types that JSON lacks."""
    if isinstance(value, Instant):
        return value.text
    raise NotImplementedError(f"no JSON form for {type(value).__name__}")


def dec_hook(kind: type, value: object) -> object:
    """The types that JSON lacks, from their text."""
    if kind is Instant and isinstance(value, str):
        return _instant(value)
    raise NotImplementedError(f"no {kind.__name__} from {type(value).__name__}")


_instant: Final = lru_cache(maxsize=4096)(Instant.parse)
"""The same instant is told several times: as the event's own, as a field, by the next event."""
_ENCODER: Final = msgspec.json.Encoder(enc_hook=enc_hook)
_READ_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def encode(service: str, announcement: Announcement) -> Encoded:
    """The CloudEvents JSON of an announcement. Raises Undecodable when it exceeds 256 KiB."""
    data, program, key = announcement.data, announcement.program, announcement.key
    line = BY_PRODUCT[service, type(data)]
    identity = announcement.id(service, line.name)
    value = _ENCODER.encode(
        _Written(
            specversion="1.0",
            id=identity,
            source=f"/shuke/{service}",
            type=line.type,
            time=render(announcement.at),
            subject=announcement.subject,
            datacontenttype="application/json",
            programid=program,
            partitionkey=key,
            causationid=announcement.causation,
            sealedcontact=announcement.sealedcontact,
            data=data,
        )
    )
    if len(value) > MAX_BYTES:
        raise Undecodable("undecodable", f"{len(value)} bytes, at most {MAX_BYTES} are allowed")
    digest = _digest(line.type, announcement.subject, program, key, _KNOWN[line.type].bearing(data))
    return Encoded(line.topic, line.type, f"{program}/{key}", identity, value, digest)


def decode(
    raw: bytes, now: datetime, routes: Container[str] | None = None, digest: int | None = None
) -> Event | None:
    """The event of a record; None when its type is known but not among `routes`.

    `digest`: what travelled beside it. Raises Undecodable: `undecodable` or `invalid`, with the
    reason.
    """
    if digest is not None:
        known = _KNOWN_IN_BYTES.get(_type_in(raw))
        if known is not None:
            if routes is not None and known.type not in routes:
                return None
            event = _as_written(known, raw, now, digest)
            if event is not None:
                return event
    return _looked_at(raw, now, routes)


def _as_written(known: "_Known", raw: bytes, now: datetime, digest: int) -> Event | None:
    """The event of a record of our own; None when it does not read as one."""
    try:
        envelope = known.whole.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return _event(envelope, _time(envelope, now), digest, envelope.data, raw)


def _looked_at(raw: bytes, now: datetime, routes: Container[str] | None) -> Event | None:
    """The event of a record that anybody may have written."""
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
    time = _time(envelope, now)
    try:
        data = known.read.decode(envelope.data)
    except (ValidationError, RecursionError, ValueError) as error:
        strict(raw)
        raise Undecodable("invalid", f"data: {error}") from error
    if _ESCAPE in raw or raw.count(_KEY) != _keys_of(envelope) + known.keys((data,)):
        strict(raw)
    of = (envelope.type, envelope.subject, envelope.programid, envelope.partitionkey)
    return _event(envelope, time, _digest(*of, known.bearing(data)), data, raw)


def _event(envelope: _Attributes, time: datetime, digest: int, data: Data, raw: bytes) -> Event:
    if _ESCAPE in raw and _HOLDS_NUL.search(raw):
        raise Undecodable("failed", "a text holds U+0000, which no table takes")
    return Event(
        envelope.id,
        envelope.type,
        time,
        envelope.programid,
        envelope.subject,
        envelope.partitionkey,
        digest,
        data,
        raw,
        envelope.sealedcontact,
    )


def _type_in(raw: bytes) -> bytes:
    """The type of an event of our own: the first text under that key."""
    start = raw.find(_TYPE) + len(_TYPE)
    return raw[start : raw.find(b'"', start)]


def peek(raw: bytes) -> UUID | None:
    """Event id of a record that is no event, as far as it can be read: for the quarantine."""
    try:
        outline = json.loads(raw[:MAX_BYTES])
        identity = outline.get("id") if isinstance(outline, dict) else None
        return UUID(identity) if isinstance(identity, str) else None
    except (ValueError, RecursionError):
        return None


def strict(raw: bytes) -> None:
    """Raise Undecodable for JSON that two readers could understand differently."""
    try:
        strict_json.check(raw)
    except ValueError as error:
        raise Undecodable("undecodable", f"not strict JSON: {error}") from error


def _time(envelope: _Attributes, now: datetime) -> datetime:
    """The event's instant, which its id begins with."""
    identity = envelope.id
    try:
        time = _instant(envelope.time)
    except ValueError as error:
        raise Undecodable("invalid", f"time: {error}") from error
    if identity.version != _VERSION or identity.variant != RFC_4122:
        raise Undecodable("invalid", f"id {identity} is no UUID of version {_VERSION}")
    if time_of(identity) != time:
        raise Undecodable("invalid", f"id {identity} is not of the time {envelope.time}")
    if not EARLIEST <= time <= now + AHEAD:
        raise Undecodable("invalid", f"time {envelope.time} is before 2000 or over 24 h ahead")
    return time


def _digest(type_: str, subject: str, program: str, key: str, bearing: object) -> int:
    """First 8 bytes of SHA-256 over canonical JSON: keys sorted, no white space, no defaults."""
    canonical = _ENCODER.encode((type_, subject, program, key, bearing))
    return int.from_bytes(hashlib.sha256(canonical).digest()[:8], signed=True)


_TYPE: Final = b'"type":"'
_ESCAPE: Final = b"\\"
_HOLDS_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""As JSON writes it, there is no other way; not behind a backslash that is itself escaped."""
_KEY: Final = b'":'
"""Without escapes this stands behind every key, and nowhere else."""
_PLAIN_KEYS: Final = len([field for field in structs.fields(_Envelope) if field.required])


def _keys_of(envelope: _Envelope) -> int:
    """How many keys an envelope is written with, those of its data left out."""
    return (
        _PLAIN_KEYS
        + (envelope.causationid is not None)
        + (envelope.traceparent is not None)
        + (envelope.sealedcontact is not None)
    )


Count = Callable[[Sequence[Any]], int]
"""Structs of one class -> the keys that they are written with."""


class _Known:
    """What is known of one type: how to read it, what its digest covers, how many keys it has."""

    def __init__(self, type_: str, data: type[Data]) -> None:
        info = inspect.type_info(data)
        assert isinstance(info, inspect.StructType)
        self.type = type_
        self.read: msgspec.json.Decoder[Data] = msgspec.json.Decoder(data, dec_hook=dec_hook)
        whole = msgspec.defstruct("Whole", [("data", data)], bases=(_Attributes,), kw_only=True)
        self.whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder(whole, dec_hook=dec_hook)
        self._view = _view(info)
        self.keys = _count(info)

    def bearing(self, data: Data) -> object:
        """The value-bearing fields of an event's data, in canonical order."""
        return msgspec.convert(data, self._view, from_attributes=True)


def _view(info: inspect.StructType) -> type[Struct]:
    """The struct without its incidental fields, sorted by the names that they are written under."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in sorted(info.fields, key=lambda field: field.encode_name):
        if isinstance(field.type, inspect.Metadata) and (field.type.extra or {}).get("incidental"):
            continue
        form, struct = _struct_in(field.type)
        kind = Any if struct is None else _shaped(form, _view(struct))
        fields.append((field.name, kind) if field.required else (field.name, kind, field.default))
    return msgspec.defstruct(
        f"{info.cls.__name__}View",
        fields,
        rename={field.name: field.encode_name for field in info.fields},
        omit_defaults=True,
        kw_only=True,
        gc=False,
    )


def _shaped(form: "_Form", kind: Any) -> Any:  # noqa: ANN401 - type expressions
    match form:
        case "list":
            return list[kind]
        case "optional":
            return kind | None
        case _:
            return kind


def _count(info: inspect.StructType) -> Count:
    omits = info.cls.__struct_config__.omit_defaults
    optional = [field for field in info.fields if omits and not field.required]
    always = len(info.fields) - len(optional)
    defaults = [field.default for field in optional]
    getters = [attrgetter(field.name) for field in optional]
    nested = [
        (attrgetter(field.name), form, _count(struct))
        for field in info.fields
        for form, struct in [_struct_in(field.type)]
        if struct is not None
    ]

    def count(values: Sequence[Any]) -> int:
        keys = always * len(values)
        for get, default in zip(getters, defaults, strict=True):
            keys += len(values) - list(map(get, values)).count(default)
        for get, form, within in nested:
            for inner in map(get, values):
                if form == "list":
                    keys += within(inner)
                elif inner is not None:
                    keys += within((inner,))
        return keys

    return count


_Form = Literal["one", "list", "optional"]


def _struct_in(info: inspect.Type) -> tuple[_Form, inspect.StructType | None]:
    """The struct that a field holds, and whether one, a list of it, or perhaps one."""
    match info:
        case inspect.Metadata(type=inner):
            return _struct_in(inner)
        case inspect.StructType():
            return "one", info
        case inspect.ListType(item_type=item):
            form, struct = _struct_in(item)
            assert struct is None or form == "one", "lists of lists have no digest yet"
            return "list", struct
        case inspect.UnionType(types=options):
            structs = [struct for option in options if (struct := _struct_in(option)[1])]
            assert len(structs) < 2, "a union of structs has no one digest"  # noqa: PLR2004
            return "optional", structs[0] if structs else None
        case _:
            return "one", None


_KNOWN: Final = {line.type: _Known(line.type, line.data) for line in CATALOGUE}
_KNOWN_IN_BYTES: Final = {type_.encode(): known for type_, known in _KNOWN.items()}
