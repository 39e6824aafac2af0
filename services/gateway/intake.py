"""Intake of webhooks, step by step.

Size, signature and freshness on the raw bytes, one JSON parse, the connector, normalising, the log
with full acknowledgement (or while it is away the spool), then 202.

What is refused tells no reason; the log and a counter do. Nothing is acknowledged that is not
durable. A shop of one's own is told what is wrong with its event; a platform would end the
subscription, so what it sends and nobody can read is taken, recorded as failed and counted.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from msgspec import ValidationError

from services.gateway.answers import Delivered, rows_of, worst
from services.gateway.bodies import BULK_BYTES, SINGLE_BYTES, is_form, is_ping, not_media, read_body
from services.gateway.connections import Connections
from services.gateway.connectors import ANSWERING, CONNECTORS, forms, generic, woocommerce
from services.gateway.connectors.port import EVERY, QUERY, Connector, Fetch, Heard, Pending
from services.gateway.deliveries.keeping import Body, kept_days
from services.gateway.deliveries.recording import Recorder
from services.gateway.fetching.wanting import Wanting
from services.gateway.known import Known
from services.gateway.model import (
    TEST,
    Answer,
    Connection,
    Ready,
    Refusal,
    completes_later,
    part_id,
)
from services.gateway.orders import asking
from services.gateway.orders.model import Key
from services.gateway.questions import Questions
from services.gateway.remembering import Remembering
from services.gateway.rules.normalising import Shop
from services.gateway.rules.reading import check, event_of, events_of, hear, told
from services.gateway.rules.verifying import EXPIRED, signer
from services.gateway.spool import Spool
from services.gateway.throttle import BUSY_SECONDS, Crowd, Pace
from shared.clock import Clock, monotonic
from shared.errors import FieldError, HttpProblem
from shared.http.strict import unknown_query
from shared.http.throttling import Throttle
from shared.ids import parse_id, text_id
from shared.logs import logger
from shared.metrics import Metrics
from shared.random_ids import uuid7
from shared.sealing import KeyRing

TOPIC: Final = "storefront"
PAUSED_SECONDS: Final = "300"
BREATH: Final = 100
"""Events of a bulk delivery that are read without letting others go on."""
_DUMMY: Final = hashlib.sha256(b"no such connection").digest()


class Intake:
    """Takes deliveries of all connections."""

    def __init__(  # noqa: PLR0913 - wired once, in api.py
        self,
        connections: Connections,
        recorder: Recorder,
        spool: Spool,
        orders: Remembering,
        wanting: Wanting,
        questions: Questions,
        *,
        keys: KeyRing,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._recorder = recorder
        self._spool = spool
        self._orders = orders
        self._wanting = wanting
        self._questions = questions
        self._keys = keys
        self._metrics = metrics
        self._clock = clock
        self._known = Known()
        self._throttle = Throttle()
        self._pace = Pace()
        self._crowd = Crowd()

    async def single(self, request: Request, connection: str) -> Response:
        """One delivery of a shop: of one's own one event, of a platform what it says."""
        with self._room(request, SINGLE_BYTES):
            return await self._single(request, connection)

    async def _single(self, request: Request, connection: str) -> Response:
        began = monotonic()
        found = await self._find(connection)
        if found is not None and found.source == woocommerce.SOURCE and is_form(request):
            return await self._ping(request, found)
        connector = CONNECTORS[found.source] if found is not None else generic
        if request.query_params and QUERY not in connector.HEADERS:
            raise unknown_query(next(iter(request.query_params)))
        raw = await read_body(request, SINGLE_BYTES, connector.MEDIA)
        delivered = self._authentic(request, found, connection, raw, began)
        self._paced(delivered, 1)
        content = hashlib.sha256(raw).digest()
        mark = int.from_bytes(content[:8], "big")
        repeat = (delivered.shop.connection.id, delivered.source_id)
        if repeat[1] and self._known.get(*repeat) == mark:
            answers = [Answer("duplicate")]
        else:
            answers = await self._take_one(delivered)
        if repeat[1] and all(answer.error is None for answer in answers):
            self._known.put(mark, *repeat)
        await self._record(delivered, answers, [content] * len(answers))
        wrong = next((answer.error for answer in answers if answer.error is not None), None)
        if wrong is not None and delivered.own:
            raise _refused(wrong)
        told = await self._told(delivered)
        if told is not None:
            return Response(told, media_type="application/json")
        status = worst(answers)
        part = next(n for n, answer in enumerate(answers) if answer.status == status)
        body = {"delivery": text_id("dlv", part_id(delivered.id, part)), "status": status}
        reason = answers[part].reason
        return JSONResponse(body | ({"reason": reason} if reason else {}), 202)

    async def _told(self, delivered: Delivered) -> bytes | None:
        """What the platform wants to read, if anything of its own: to a question what is known."""
        raw, headers = delivered.raw, delivered.headers
        answering = ANSWERING.get(delivered.connector.SOURCE)
        asked = answering.asks(raw, headers) if answering is not None else None
        if answering is not None and asked is not None:
            standing = await self._questions.standing(delivered.shop, asked)
            if standing is not None:
                return answering.replied(raw, headers, standing)
        return delivered.connector.answered(raw, headers)

    async def bulk(self, request: Request, connection: str) -> JSONResponse:
        """Many events of a shop of one's own under one signature; bad ones are told by index."""
        with self._room(request, BULK_BYTES):
            return await self._bulk(request, connection)

    async def _bulk(self, request: Request, connection: str) -> JSONResponse:
        began = monotonic()
        raw = await read_body(request, BULK_BYTES, generic.MEDIA)
        found = await self._find(connection)
        delivered = self._authentic(request, found, connection, raw, began)
        if not delivered.own:
            raise HttpProblem(404, "not-found", "Only a generic connection takes events in bulk.")
        try:
            bodies = forms.read_bulk(raw)
        except ValidationError as error:
            raise _refused(forms.explain(error, raw)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HttpProblem(400, "malformed", "The body is no JSON object.") from error
        self._paced(delivered, len(bodies))
        answers = await self._take(delivered, await _events_of(delivered.shop, bodies))
        contents = [hashlib.sha256(body).digest() for body in bodies]
        await self._record(delivered, answers, contents, bulk=True)
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

    @contextmanager
    def _room(self, request: Request, most: int) -> Iterator[None]:
        """Room for one more request, whose body may have so many bytes if it does not tell."""
        told = request.headers.get("content-length", "")
        size = min(int(told), most) if told.isdigit() else most
        if not self._crowd.enter(size):
            raise HttpProblem(
                503, "busy", "Too much is under way.", headers={"Retry-After": str(BUSY_SECONDS)}
            )
        try:
            yield
        finally:
            self._crowd.leave(size)

    def _paced(self, delivered: Delivered, events: int) -> None:
        """Raises HttpProblem where a connection sends faster than it may."""
        wait = self._pace.take(delivered.shop.connection.id, events)
        if wait is not None:
            self._metrics.count("intake_total", delivered.connector.SOURCE, "too-fast")
            raise HttpProblem(
                429, "slow-down", "This connection is too fast.", headers={"Retry-After": str(wait)}
            )

    async def _ping(self, request: Request, found: Connection) -> JSONResponse:
        """WooCommerce tries an address when a webhook is made, unsigned; nothing is stored."""
        if found.state not in {"active", "paused"} or not await is_ping(request):
            raise not_media(woocommerce.MEDIA)
        self._metrics.count("intake_total", found.source, "ping")
        return JSONResponse({"status": "ping seen"})

    def _authentic(
        self, request: Request, found: Connection | None, connection: str, raw: bytes, began: float
    ) -> Delivered:
        """The delivery with the secret that signed it. One 401 for whatever is not right."""
        now = self._clock()
        source = "unknown" if found is None else found.source
        try:
            found = _open(found, raw)
            connector = CONNECTORS[found.source]
            headers = _headers(request, connector)
            secret = signer(found, connector, raw, headers, now)
            _of_shop(found, connector, headers, now)
        except Refusal as error:
            self._metrics.count("intake_total", source, error.reason)
            raise self._forged(request, connection, error.reason) from error
        if found.state == "paused":
            raise HttpProblem(
                503, "busy", "The connection is paused.", headers={"Retry-After": PAUSED_SECONDS}
            )
        shop = Shop(found, self._keys.blind_indexes, now, self._keys.seal_contact)
        return Delivered(shop, connector, headers, secret, raw, began, uuid7(now))

    def _forged(self, request: Request, connection: str, reason: str) -> HttpProblem:
        """What the sender of a delivery that is not authentic is told; a flood is not logged."""
        wait = self._throttle.count(request.client.host if request.client else "")
        if wait is not None:
            return HttpProblem(
                429, "slow-down", "Too many are not authentic.", headers={"Retry-After": str(wait)}
            )
        log = logger("gateway")
        tell = log.error if reason == EXPIRED else log.info
        tell("refused", reason=reason, connection=connection[:40])
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
        if delivered.own:
            if (wrong := check(raw)) is not None:
                return [wrong]
            return await self._take(delivered, [event_of(shop, raw)])
        settings = shop.connection.settings_at(shop.now)
        heard = hear(delivered.connector, raw, delivered.headers, settings)
        if isinstance(heard, Answer):
            return [heard]
        return await self._take_heard(delivered, heard)

    async def _take_heard(self, delivered: Delivered, heard: Heard) -> list[Answer]:
        said = events_of(delivered.shop, heard)
        answers = await self._take(delivered, said)
        if delivered.shop.connection.mode == "test":
            return answers or [Answer("ignored", reason=TEST, type=heard.topic)]
        if heard.pending is not None and said and isinstance(said[0], Ready):
            answers += await self._pend(delivered.place(len(said)), said[0], heard.pending)
        for fetch in told(delivered.shop, heard)[1]:
            answers.append(await self._want(delivered, fetch, delivered.place(len(answers))))
        return answers

    async def _pend(self, place: Key, paid: Ready, pending: Pending) -> list[Answer]:
        """An order that completes later; no answer where that is known already."""
        row = asking.pending(paid.event, pending.due_at, pending.told_at, place)
        return [completes_later(pending.due_at)] if await self._orders.pend(row) else []

    async def _want(self, delivered: Delivered, fetch: Fetch, place: Key) -> Answer:
        """Something whose detail is fetched by the worker."""
        shop = delivered.shop
        return await self._wanting.want(shop.connection, fetch, place[1], shop.now)

    async def _take(self, delivered: Delivered, events: Sequence[Ready | Answer]) -> list[Answer]:
        """Append what is new, all in one go; an answer for each, same order."""
        shop = delivered.shop
        program = shop.connection.program
        answers: list[Answer] = []
        fresh: dict[UUID, Ready] = {}
        for part, each in enumerate(events):
            event = await self._named(delivered, each, part)
            if isinstance(event, Answer):
                answers.append(event)
                continue
            encoded = event.encoded
            first = fresh.get(encoded.id)
            before = first.encoded.digest if first else self._known.get(program, encoded.id)
            if before is None:
                fresh[encoded.id] = event
            answers.append(event.sent(before))
        if fresh:
            await self._spool.take([event.encoded for event in fresh.values()])
            self._orders.note(event.event for event in fresh.values())
            for event in fresh.values():
                self._known.put(event.encoded.digest, program, event.encoded.id)
        return answers

    async def _named(self, delivered: Delivered, each: Ready | Answer, part: int) -> Ready | Answer:
        """The event under its buyer's key, or what became of it already."""
        if isinstance(each, Answer):
            return each
        if delivered.shop.connection.mode == "test":
            return each.answer("ignored", TEST)
        return await self._orders.named(each, delivered.place(part), delivered.shop.now)

    async def _record(
        self,
        delivered: Delivered,
        answers: Sequence[Answer],
        contents: Sequence[bytes],
        *,
        bulk: bool = False,
    ) -> None:
        """What failed or waits is committed before the answer, the rest soon after it."""
        rows = rows_of(delivered, answers, contents)
        shop = delivered.shop
        for answer in answers:
            self._metrics.count("intake_total", delivered.connector.SOURCE, answer.status)
        body = None
        if any(answer.status != "duplicate" for answer in answers):
            body = Body(
                shop.connection.program_id,
                delivered.id,
                shop.now,
                kept_days(answers),
                delivered.raw,
                delivered.headers,
                bulk,
            )
        if all(answer.settled for answer in answers):
            self._recorder.note(rows, body)
        else:
            await self._recorder.write(rows, [] if body is None else [body])


async def _events_of(shop: Shop, bodies: Sequence[bytes]) -> list[Ready | Answer]:
    """The events of many bodies; others get their turn in between."""
    events: list[Ready | Answer] = []
    for start in range(0, len(bodies), BREATH):
        events += [event_of(shop, body) for body in bodies[start : start + BREATH]]
        await asyncio.sleep(0)
    return events


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
        if name in signed or name in others or EVERY in others:
            found[name] = value
    if QUERY in others:
        found[QUERY] = request.url.query
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


def _refused(error: FieldError) -> HttpProblem:
    if error.code == "malformed":
        return HttpProblem(400, "malformed", "The body is no JSON object.")
    return HttpProblem(422, "invalid-event", "1 field is not valid.", errors=[error])
