"""Intake of webhooks, step by step.

Size, signature and freshness on the raw bytes, one JSON parse, the connector, normalising, the log
with full acknowledgement (or while it is away the spool), then 202.

What is refused tells no reason; the log and a counter do. Nothing is acknowledged that is not
durable. A shop of one's own is told what is wrong with its event; a platform would end the
subscription, so what it sends and nobody can read is taken, recorded as failed and counted.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse
from msgspec import ValidationError

from services.gateway.answers import Answer, Delivered, Ready, rows_of, worst
from services.gateway.bodies import (
    BULK_BYTES,
    SINGLE_BYTES,
    is_form,
    is_ping,
    not_json,
    read_body,
)
from services.gateway.connections import Connections
from services.gateway.connectors import CONNECTORS, forms, woocommerce
from services.gateway.connectors.port import Connector, Heard, Pending
from services.gateway.deliveries import Recorder
from services.gateway.known import Known
from services.gateway.model import Connection, Delivery, Invalid, Refusal
from services.gateway.remembering import Remembering
from services.gateway.rules.normalising import Shop, normalise, untitled
from services.gateway.spool import Spool
from services.gateway.throttle import Throttle
from shared import strict_json
from shared.clock import Clock, monotonic
from shared.errors import FieldError, HttpProblem, Undecodable
from shared.events import codec
from shared.events.envelope import Announcement
from shared.ids import parse_id, text_id
from shared.logs import logger
from shared.metrics import Metrics
from shared.sealing import KeyRing

MAX_KEYS: Final = 256
MAX_TEXT: Final = 64 * 1024
TOPIC: Final = "storefront"
PAUSED_SECONDS: Final = "300"
_DUMMY: Final = hashlib.sha256(b"no such connection").digest()


class Intake:
    """Takes deliveries of all connections."""

    def __init__(  # noqa: PLR0913 - wired once, in api.py
        self,
        connections: Connections,
        recorder: Recorder,
        spool: Spool,
        orders: Remembering,
        *,
        keys: KeyRing,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._recorder = recorder
        self._spool = spool
        self._orders = orders
        self._keys = keys
        self._metrics = metrics
        self._clock = clock
        self._known = Known()
        self._throttle = Throttle()

    async def single(self, request: Request, connection: str) -> JSONResponse:
        """One delivery of a shop: of one's own one event, of a platform what it says."""
        began = monotonic()
        if is_form(request):
            return await self._ping(request, connection)
        raw = await read_body(request, SINGLE_BYTES)
        delivered = await self._authentic(request, connection, raw, began)
        content = hashlib.sha256(raw).digest()
        mark = int.from_bytes(content[:8], "big")
        repeat = (delivered.shop.connection.id, delivered.source_id)
        if repeat[1] and self._known.get(repeat) == mark:
            answers = [Answer("duplicate")]
        else:
            answers = await self._take_one(delivered)
        if repeat[1] and all(answer.error is None for answer in answers):
            self._known.put(repeat, mark)
        rows = rows_of(delivered, answers, [content] * len(answers))
        await self._record(delivered, rows, answers)
        wrong = next((answer.error for answer in answers if answer.error is not None), None)
        if wrong is not None and delivered.own:
            raise _refused(wrong)
        status = worst(answers)
        told = next(n for n, answer in enumerate(answers) if answer.status == status)
        body = {"delivery": text_id("dlv", rows[told].delivery_id), "status": status}
        reason = answers[told].reason
        return JSONResponse(body | ({"reason": reason} if reason else {}), 202)

    async def bulk(self, request: Request, connection: str) -> JSONResponse:
        """Many events of a shop of one's own under one signature; bad ones are told by index."""
        began = monotonic()
        raw = await read_body(request, BULK_BYTES)
        delivered = await self._authentic(request, connection, raw, began)
        if not delivered.own:
            raise HttpProblem(404, "not-found", "Only a generic connection takes events in bulk.")
        try:
            bodies = forms.read_bulk(raw)
        except ValidationError as error:
            raise _refused(forms.explain(error, raw)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HttpProblem(400, "malformed", "The body is no JSON object.") from error
        shop = delivered.shop
        answers = await self._take(shop, [_event_of(shop, body) for body in bodies])
        rows = rows_of(delivered, answers, [hashlib.sha256(body).digest() for body in bodies])
        await self._record(delivered, rows, answers)
        failed = [
            {"index": n, "code": answer.error.code, "pointer": f"/events/{n}{answer.error.pointer}"}
            if answer.error
            else {"index": n, "code": "conflict", "pointer": f"/events/{n}"}
            for n, answer in enumerate(answers)
            if answer.status in {"failed", "conflict"}
        ]
        accepted = sum(answer.status in {"published", "waiting"} for answer in answers)
        duplicates = sum(answer.status == "duplicate" for answer in answers)
        body = {"accepted": accepted, "duplicates": duplicates, "failed": failed}
        return JSONResponse(body, 202)

    async def _ping(self, request: Request, connection: str) -> JSONResponse:
        """WooCommerce tries an address when a webhook is made, unsigned; nothing is stored."""
        found = await self._find(connection)
        open_ = found is not None and found.state in {"active", "paused"}
        if found is None or not open_ or found.source != woocommerce.SOURCE:
            raise not_json()
        if not await is_ping(request):
            raise not_json()
        self._metrics.count("intake_total", found.source, "ping")
        return JSONResponse({"status": "ping seen"})

    async def _authentic(
        self, request: Request, connection: str, raw: bytes, began: float
    ) -> Delivered:
        """The delivery with the secret that signed it. One 401 for whatever is not right."""
        now = self._clock()
        found = await self._find(connection)
        source = "unknown" if found is None else found.source
        try:
            found = _open(found, raw)
            connector = CONNECTORS[found.source]
            headers = _headers(request, connector)
            secrets = [(s.text_id, s.value) for s in found.secrets if s.active(now)]
            secret = connector.verify(raw, headers, secrets, now)
            _of_shop(found, connector, headers, now)
        except Refusal as error:
            self._metrics.count("intake_total", source, error.reason)
            raise self._forged(request, connection, error.reason) from error
        if found.state == "paused":
            raise HttpProblem(
                503, "busy", "The connection is paused.", headers={"Retry-After": PAUSED_SECONDS}
            )
        shop = Shop(found, self._keys.blind_index, now)
        return Delivered(shop, connector, headers, secret, raw, began)

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

    async def _take_one(self, delivered: Delivered) -> list[Answer]:
        """What became of everything that a delivery says."""
        raw, shop = delivered.raw, delivered.shop
        try:
            strict_json.check(raw, max_keys=MAX_KEYS, max_string=MAX_TEXT, max_integer=None)
        except (ValueError, UnicodeDecodeError) as error:
            return [_malformed(error)]
        if delivered.own:
            return await self._take(shop, [_event_of(shop, raw)])
        heard = _heard(delivered)
        if isinstance(heard, Answer):
            return [heard]
        said = [_event_of(shop, msgspec.json.encode(each)) for each in heard.events]
        answers = await self._take(shop, said)
        if heard.pending is not None and isinstance(said[0], Ready):
            answers += await self._pend(shop, said[0].event, heard.pending)
        return answers

    async def _pend(self, shop: Shop, paid: Announcement, pending: Pending) -> list[Answer]:
        """An order that completes later; no answer where that is known already."""
        due_at, told_at = pending.due_at, pending.told_at
        program_id = shop.connection.program_id
        delivery = await self._orders.pend(program_id, paid, due_at, told_at, shop.now)
        if delivery is None:
            return []
        why = f"completion-due {due_at.text}"
        return [Answer("waiting", reason=why, type="order-completed", delivery_id=delivery)]

    async def _take(self, shop: Shop, events: Sequence[Ready | Answer]) -> list[Answer]:
        """Append what is new, all in one go; an answer for each, same order."""
        answers: list[Answer] = []
        fresh: dict[UUID, tuple[Ready, int]] = {}
        for each in events:
            event = await self._named(shop, each) if isinstance(each, Ready) else each
            if isinstance(event, Answer):
                answers.append(event)
                continue
            encoded = event.encoded
            first = fresh.get(encoded.id)
            before = first[1] if first else self._known.get((shop.connection.program, encoded.id))
            if before is None:
                fresh[encoded.id] = (event, encoded.digest)
                status = "published"
            else:
                status = "duplicate" if before == encoded.digest else "conflict"
            answers.append(Answer(status, encoded.id, type=encoded.type.split(".")[1]))
        if fresh:
            await self._spool.take([event.encoded for event, _ in fresh.values()])
            self._orders.note(event.event for event, _ in fresh.values())
            for event, digest in fresh.values():
                self._known.put((shop.connection.program, event.encoded.id), digest)
        return answers

    async def _named(self, shop: Shop, ready: Ready) -> Ready | Answer:
        """The event under its buyer's key, or what it waits for."""
        found = await self._orders.named(shop.connection.program_id, ready.event, shop.now)
        if found is ready.event:
            return ready
        if isinstance(found, Announcement):
            return Ready(found, codec.encode("gateway", found))
        identity, kind = ready.encoded.id, ready.encoded.type.split(".")[1]
        if found is None:
            return Answer("duplicate", identity, type=kind)
        return Answer("waiting", identity, reason="order-unknown", type=kind, delivery_id=found)

    async def _record(
        self, delivered: Delivered, rows: Sequence[Delivery], answers: Sequence[Answer]
    ) -> None:
        """What failed or waits is committed before the answer, the rest soon after it."""
        now = []
        for row, answer in zip(rows, answers, strict=True):
            self._metrics.count("intake_total", delivered.connector.SOURCE, row.status)
            if answer.settled:
                self._recorder.note(row)
            else:
                now.append(row)
        if now:
            await self._recorder.write(now)


def _open(found: Connection | None, raw: bytes) -> Connection:
    if found is None or found.state in {"draft", "closed"}:
        hmac.digest(_DUMMY, raw, hashlib.sha256)  # as much work as for a known one
        raise Refusal("connection-unknown")
    return found


def _headers(request: Request, connector: Connector) -> Mapping[str, str]:
    """The headers that a connector looks at; those that security hangs on at most once."""
    found: dict[str, str] = {}
    signed, others = connector.SIGNED_HEADERS, connector.HEADERS
    for name, value in request.headers.items():
        if name in signed and name in found:
            raise Refusal("header-twice")
        if name in signed or name in others:
            found[name] = value
    return found


def _of_shop(
    connection: Connection, connector: Connector, headers: Mapping[str, str], now: datetime
) -> None:
    """A header that names the shop must name the connection's. Raises Refusal."""
    named, shop = connector.SHOP_HEADER, connection.settings_at(now).shop
    if named is None or shop is None:
        return
    if headers.get(named, "").rstrip("/").lower() != shop.rstrip("/").lower():
        raise Refusal("another-shop")


def _heard(delivered: Delivered) -> Heard | Answer:
    """What a platform's delivery says, or why nothing."""
    settings = delivered.shop.connection.settings_at(delivered.shop.now)
    try:
        heard = delivered.connector.read(delivered.raw, delivered.headers, settings)
    except Invalid as error:
        return Answer("failed", error=error.error)
    except ValidationError as error:
        return Answer("failed", error=forms.explain(error, delivered.raw))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _malformed(error)
    if heard.ignored is not None:
        return Answer("ignored", reason=heard.ignored, type=heard.topic or None)
    return heard


def _event_of(shop: Shop, raw: bytes) -> Ready | Answer:
    """The event of a body in generic form, or what is wrong with it."""
    try:
        return _encoded(normalise(shop, forms.read(raw)))
    except Undecodable as error:
        return Answer("failed", error=FieldError("", "too-large", error.reason))
    except ValidationError as error:
        return Answer("failed", error=forms.explain(error, raw))
    except Invalid as error:
        return Answer("failed", error=error.error)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _malformed(error)


def _malformed(error: Exception) -> Answer:
    return Answer("failed", error=FieldError("", "malformed", str(error)[:200]))


def _encoded(event: Announcement) -> Ready:
    """The event for the log, without its titles where they make it too large."""
    try:
        return Ready(event, codec.encode("gateway", event))
    except Undecodable:
        event = untitled(event)
        return Ready(event, codec.encode("gateway", event))


def _refused(error: FieldError) -> HttpProblem:
    if error.code == "malformed":
        return HttpProblem(400, "malformed", "The body is no JSON object.")
    return HttpProblem(422, "invalid-event", "1 field is not valid.", errors=[error])
