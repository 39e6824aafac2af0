"""Intake of webhooks, step by step.

Size, signature and freshness on the raw bytes, one JSON parse, normalising, the log with full
acknowledgement (or while it is away the spool), then 202.

What is refused tells no reason; the log and a counter do. Nothing is acknowledged that is not
durable.
"""

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse
from msgspec import Struct, ValidationError

from services.gateway.connections import Connections
from services.gateway.connectors import generic
from services.gateway.deliveries import Recorder
from services.gateway.model import Connection, Delivery, Refusal
from services.gateway.rules.normalising import Invalid, Shop, normalise, untitled
from services.gateway.spool import Spool
from services.gateway.throttle import Throttle
from shared import strict_json
from shared.clock import Clock, monotonic
from shared.errors import FieldError, HttpProblem, Undecodable
from shared.events import codec
from shared.events.codec import Encoded
from shared.events.envelope import Announcement
from shared.ids import parse_id, text_id
from shared.logs import logger
from shared.metrics import Metrics
from shared.random_ids import uuid7
from shared.sealing import KeyRing

SINGLE_BYTES: Final = 1024 * 1024
BULK_BYTES: Final = 8 * 1024 * 1024
BODY_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 5.0
MAX_KEYS: Final = 256
MAX_TEXT: Final = 64 * 1024
KNOWN: Final = 200_000
"""Repeats that are recognised without asking anybody; the inboxes know the rest."""
TOPIC: Final = "storefront"
PAUSED_SECONDS: Final = "300"
_JSON: Final = re.compile(r"^application/(?:[a-z0-9.+-]*\+)?json\s*(?:;|$)", re.IGNORECASE)
_DUMMY: Final = hashlib.sha256(b"no such connection").digest()


class Answer(Struct, frozen=True):
    """What became of one event of a delivery."""

    status: str
    event_id: UUID | None = None
    error: FieldError | None = None
    reason: str | None = None
    type: str | None = None


class Known:
    """The last deliveries and events, by what a repeat has in common with the first."""

    def __init__(self, most: int = KNOWN) -> None:
        self._most = most
        self._values: OrderedDict[object, int] = OrderedDict()

    def get(self, key: object) -> int | None:
        """The digest under a key."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def put(self, key: object, digest: int) -> None:
        """Remember, and forget the oldest."""
        self._values[key] = digest
        if len(self._values) > self._most:
            self._values.popitem(last=False)


class Intake:
    """Takes deliveries of the generic connector."""

    def __init__(
        self,
        connections: Connections,
        recorder: Recorder,
        spool: Spool,
        keys: KeyRing,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._recorder = recorder
        self._spool = spool
        self._keys = keys
        self._metrics = metrics
        self._clock = clock
        self._known = Known()
        self._throttle = Throttle()

    async def single(self, request: Request, connection: str) -> JSONResponse:
        """One event a body."""
        began = monotonic()
        raw = await read_body(request, SINGLE_BYTES)
        shop, secret = await self._authentic(request, connection, raw)
        source_id = generic.delivery_id(request.headers)
        repeat = (shop.connection.id, source_id)
        content = hashlib.sha256(raw).digest()
        if self._known.get(repeat) == int.from_bytes(content[:8], "big"):
            answer = Answer("duplicate")
        else:
            answer = await self._take_one(shop, raw)
        if answer.error is None:
            self._known.put(repeat, int.from_bytes(content[:8], "big"))
        row = _row(shop, source_id, answer, content, secret, began)
        return await self._answered(row, answer)

    async def bulk(self, request: Request, connection: str) -> JSONResponse:
        """Many events under one signature; bad ones are told by index, good ones are taken."""
        began = monotonic()
        raw = await read_body(request, BULK_BYTES)
        shop, secret = await self._authentic(request, connection, raw)
        source_id = generic.delivery_id(request.headers)
        try:
            bodies = generic.read_bulk(raw)
        except ValidationError as error:
            raise _refused(generic.explain(error, raw)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HttpProblem(400, "malformed", "The body is no JSON object.") from error
        answers = await self._take(shop, [self._normalised(shop, body) for body in bodies])
        rows = [
            _row(shop, f"{source_id}#{n}", answer, hashlib.sha256(body).digest(), secret, began)
            for n, (answer, body) in enumerate(zip(answers, bodies, strict=True))
        ]
        await self._record(rows, [answer.error is not None for answer in answers])
        failed = [
            {"index": n, "code": answer.error.code, "pointer": f"/events/{n}{answer.error.pointer}"}
            if answer.error
            else {"index": n, "code": "conflict", "pointer": f"/events/{n}"}
            for n, answer in enumerate(answers)
            if answer.status in {"failed", "conflict"}
        ]
        accepted = sum(answer.status == "published" for answer in answers)
        duplicates = sum(answer.status == "duplicate" for answer in answers)
        body = {"accepted": accepted, "duplicates": duplicates, "failed": failed}
        return JSONResponse(body, 202)

    async def _authentic(self, request: Request, connection: str, raw: bytes) -> tuple[Shop, str]:
        """The shop and the id of the secret that signed. One 401 for whatever is not right."""
        now = self._clock()
        found = await self._find(connection)
        try:
            headers = _security_headers(request, generic.SIGNED_HEADERS)
            found = _open(found, raw)
            secrets = [(s.text_id, s.value) for s in found.secrets if s.active(now)]
            secret = generic.verify(raw, headers, secrets, now)
        except Refusal as error:
            self._metrics.count("intake_total", "generic", error.reason)
            raise self._forged(request, connection, error.reason) from error
        if found.state == "paused":
            raise HttpProblem(
                503, "busy", "The connection is paused.", headers={"Retry-After": PAUSED_SECONDS}
            )
        return Shop(found, self._keys.blind_index, now), secret

    def _forged(self, request: Request, connection: str, reason: str) -> HttpProblem:
        """What the sender of a delivery that is not authentic is told; a flood is not logged."""
        wait = self._throttle.failed(request.client.host if request.client else "")
        if wait is not None:
            return HttpProblem(
                429, "slow-down", "Too many are not authentic.", headers={"Retry-After": str(wait)}
            )
        logger("gateway").info("refused", reason=reason, connection=connection[:40])
        return HttpProblem(401, "unauthenticated", "The delivery is not authentic.")

    async def _find(self, connection: str) -> Connection | None:
        try:
            identity = parse_id("whk", connection)
        except ValueError:
            return None
        return await self._connections.find(identity)

    async def _take_one(self, shop: Shop, raw: bytes) -> Answer:
        try:
            strict_json.check(raw, max_keys=MAX_KEYS, max_string=MAX_TEXT, max_integer=None)
        except (ValueError, UnicodeDecodeError) as error:
            return Answer("failed", error=FieldError("", "malformed", str(error)[:200]))
        return (await self._take(shop, [self._normalised(shop, raw)]))[0]

    def _normalised(self, shop: Shop, raw: bytes) -> Encoded | Answer:
        """The event of a body, or what is wrong with it."""
        try:
            return _encoded(normalise(shop, generic.read(raw)))
        except Undecodable as error:
            return Answer("failed", error=FieldError("", "too-large", error.reason))
        except ValidationError as error:
            return Answer("failed", error=generic.explain(error, raw))
        except Invalid as error:
            return Answer("failed", error=error.error)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Answer("failed", error=FieldError("", "malformed", str(error)[:200]))

    async def _take(self, shop: Shop, events: Sequence[Encoded | Answer]) -> list[Answer]:
        """Append what is new, all in one go; an answer for each, same order."""
        answers: list[Answer] = []
        fresh: dict[UUID, tuple[Encoded, int]] = {}
        for event in events:
            if isinstance(event, Answer):
                answers.append(event)
                continue
            digest = event.digest
            first = fresh.get(event.id)
            before = first[1] if first else self._known.get((shop.connection.program, event.id))
            if before is None:
                fresh[event.id] = (event, digest)
                answers.append(Answer("published", event.id, type=event.type.split(".")[1]))
            elif before == digest:
                answers.append(Answer("duplicate", event.id, type=event.type.split(".")[1]))
            else:
                answers.append(Answer("conflict", event.id, type=event.type.split(".")[1]))
        if fresh:
            await self._spool.take([event for event, _ in fresh.values()])
            for event, digest in fresh.values():
                self._known.put((shop.connection.program, event.id), digest)
        return answers

    async def _answered(self, row: Delivery, answer: Answer) -> JSONResponse:
        await self._record([row], [answer.error is not None])
        if answer.error is not None:
            raise _refused(answer.error)
        body = {"delivery": text_id("dlv", row.delivery_id), "status": answer.status}
        return JSONResponse(body, 202)

    async def _record(self, rows: Sequence[Delivery], failed: Sequence[bool]) -> None:
        """Failed ones are committed before the answer, the others soon after it."""
        now = []
        for row, bad in zip(rows, failed, strict=True):
            self._metrics.count("intake_total", "generic", row.status)
            if bad:
                now.append(row)
            else:
                self._recorder.note(row)
        if now:
            await self._recorder.write(now)


async def read_body(request: Request, most: int) -> bytes:
    """The raw body. Raises 405-like problems of size, speed and media: 408, 413, 415."""
    if not _JSON.match(request.headers.get("content-type", "")):
        raise HttpProblem(415, "unsupported-media-type", "The body must be application/json.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HttpProblem(415, "unsupported-media-type", "The body must not be compressed.")
    too_large = HttpProblem(413, "too-large", f"A body has at most {most} bytes.")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most:
        raise too_large
    try:
        return await _patiently(request, most, too_large)
    except TimeoutError as error:
        raise HttpProblem(408, "too-slow", "The body came too slowly.") from error


async def _patiently(request: Request, most: int, too_large: HttpProblem) -> bytes:
    body = bytearray()
    now = asyncio.get_running_loop().time
    ends = now() + BODY_SECONDS
    async with asyncio.timeout(IDLE_SECONDS) as patience:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise too_large
            patience.reschedule(min(now() + IDLE_SECONDS, ends))
    return bytes(body)


def _open(found: Connection | None, raw: bytes) -> Connection:
    if found is None or found.state in {"draft", "closed"}:
        hmac.digest(_DUMMY, raw, hashlib.sha256)  # as much work as for a known one
        raise Refusal("connection-unknown")
    return found


def _security_headers(request: Request, names: Sequence[str]) -> Mapping[str, str]:
    """Headers that security hangs on, each at most once."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        if name in names:
            if name in found:
                raise Refusal("header-twice")
            found[name] = value
    return found


def _encoded(event: Announcement) -> Encoded:
    """The event for the log, without its titles where they make it too large."""
    try:
        return codec.encode("gateway", event)
    except Undecodable:
        return codec.encode("gateway", untitled(event))


def _row(
    shop: Shop, source_id: str, answer: Answer, content: bytes, secret: str, began: float
) -> Delivery:
    reason = answer.reason
    if answer.error is not None:
        reason = f"{answer.error.code} {answer.error.pointer}".strip()
        reason = reason.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return Delivery(
        program_id=shop.connection.program_id,
        delivery_id=uuid7(shop.now),
        connection_id=shop.connection.id,
        received_at=shop.now,
        source_id=source_id[:200],
        type=answer.type,
        status=answer.status,
        reason=reason,
        event_id=answer.event_id,
        content_hash=content,
        secret_id=secret,
        took_ms=int((monotonic() - began) * 1000),
    )


def _refused(error: FieldError) -> HttpProblem:
    if error.code == "malformed":
        return HttpProblem(400, "malformed", "The body is no JSON object.")
    return HttpProblem(422, "invalid-event", "1 field is not valid.", errors=[error])
