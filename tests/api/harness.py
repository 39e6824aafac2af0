"""Services as their callers meet them: apps in process, real tokens, a real database and log."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
from fastapi import FastAPI

from services.gateway.standard_webhooks import sign
from shared.api import build_app
from shared.clock import system
from shared.config import Config
from shared.days import EPOCH
from shared.events.catalogue import topics
from shared.http.tokens import EVERYTHING, Minter
from shared.ids import text_id, uuid_of
from shared.random_ids import random_id
from shared.sealing import KeyRing
from shared.stream.factory import open_stream
from shuke.services import SERVICES

PROBLEM_KEYS = {"type", "title", "status", "code", "detail", "errors", "trace_id"}
RECORDS = ("delivery", "delivery_body", "body_key", "secret")
"""Tables in which a delivery is recorded, whatever comes of it."""
RECORDED_SECONDS = 10.0
NOBODY = "http://127.0.0.1:1"
"""Where services are asked unless a test says otherwise; a demo may run on the usual ports."""
SUBJECT = "key_agojyzjeabykvaaaaaaaaaaaau"


class Site:
    """One installation: a database with the log in it, and key files."""

    def __init__(self, config: Config, session: asyncpg.Connection) -> None:
        self.config = config
        self.keys = KeyRing.create(config.keys_dir)
        self.minter = Minter(self.keys)
        self._session = session
        """Looks at tables as nobody but a test may."""

    @classmethod
    @asynccontextmanager
    async def prepared(cls, url: str, keys_dir: Path) -> AsyncIterator["Site"]:
        """An installation with keys and topics."""
        session = await asyncpg.connect(url)
        try:
            config = Config(
                database_url=url,
                keys_dir_given=keys_dir,
                data_dir=keys_dir.parent,
                profile="test",
                show_codes=True,
                urls=dict.fromkeys(SERVICES, NOBODY),
            )
            site = cls(config, session)
            async with open_stream(site.config) as stream:
                await stream.create(list(topics()))
            yield site
        finally:
            await session.close()

    @asynccontextmanager
    async def open(self, service: str) -> AsyncIterator["Api"]:
        """A service's app, started."""
        app = build_app(SERVICES[service], self.config)
        async with app.router.lifespan_context(app):
            yield Api(self, service, app)

    async def contents(self, schema: str, program: str) -> dict[str, str]:
        """A hash over a program's rows of each table of a schema, and where the log ends.

        Tables that belong to no program are taken whole; of the audit all but denials.
        """
        tables = await self._session.fetch(
            """
            select relname, exists (
              select from pg_attribute where attrelid = c.oid and attname = 'program_id') as owned
            from pg_class c
            where relnamespace = $1::text::regnamespace and relkind in ('r', 'p')
              and not relispartition
            """,
            schema,
        )
        own = (
            f"select 'audit_entry', md5(string_agg(t::text, ' ' order by t::text)) "
            f"from {schema}.audit_entry t where action <> all('{{access.deny,keys.refuse}}')"
        )
        mine = f"where program_id in (select program_id from {schema}.program where public_id = $1)"
        parts = [
            f"""
            select '{row["relname"]}', md5(string_agg(t::text, ' ' order by t::text))
            from {schema}."{row["relname"]}" t {mine if row["owned"] else ""}
            """
            for row in tables
            if not row["relname"].startswith("audit_")
        ]
        parts.append(own)
        parts.append(
            "select 'the log', md5(string_agg(t::text, ' ' order by t::text)) from log.head t"
        )
        found = await self._session.fetch(" union all ".join(parts), uuid_of(program))
        return {row[0]: row[1] or "empty" for row in found}

    async def rows(self, table: str, program: str) -> list[dict[str, Any]]:
        """A program's rows of a table `schema.name`."""
        schema = table.partition(".")[0]
        found = await self._session.fetch(
            f"""
            select t.* from {table} t join {schema}.program p on p.program_id = t.program_id
            where p.public_id = $1
            """,
            uuid_of(program),
        )
        return [dict(row) for row in found]

    async def query(self, sql: str, *arguments: object) -> list[dict[str, Any]]:
        """Rows of what no route tells, e.g. the quarantine."""
        return [dict(row) for row in await self._session.fetch(sql, *arguments)]

    async def execute(self, sql: str, *arguments: object) -> None:
        """Do what no route does, e.g. make a connection a draft."""
        await self._session.execute(sql, *arguments)

    async def told(self, topic: str, program: str) -> list[dict[str, Any]]:
        """Events of a program on a topic, by partition and offset."""
        found = await self._session.fetch(
            """
            select r.value from log.record r join log.topic t on t.id = r.topic
            where t.name = $1 and starts_with(r.key, $2)
            order by r.partition, r."offset"
            """,
            topic,
            program,
        )
        return [json.loads(row["value"]) for row in found]


class Api:
    """The app of one service."""

    def __init__(self, site: Site, service: str, app: FastAPI) -> None:
        self.site = site
        self.service = service
        self.app = app

    def bearing(self, token: str | None, **headers: str) -> "Caller":
        """A caller with a token of any kind, or with none."""
        authorization = {"authorization": f"Bearer {token}"} if token is not None else {}
        return Caller(self.app, authorization | headers)

    def caller(
        self, program: str | None, *permissions: str, stores: tuple[str, ...] = (EVERYTHING,)
    ) -> "Caller":
        """A caller with permissions (none named: all) in a program; without one an operator."""
        token = self.site.minter.mint(
            self.service, SUBJECT, program, permissions or (EVERYTHING,), stores
        )
        return self.bearing(token)

    @asynccontextmanager
    async def nothing_changes(self, program: str, *but: str) -> AsyncIterator[None]:
        """Every table of the service but those named, and the log, are as before.

        What a gateway has answered is recorded first.
        """
        async with asyncio.timeout(RECORDED_SECONDS):
            while self.service == "gateway" and self.app.state.recorder.behind:
                await asyncio.sleep(0.02)
        before = await self.site.contents(self.service, program)
        yield
        after = await self.site.contents(self.service, program)
        changed = {name for name, digest in after.items() if before[name] != digest}
        assert changed <= set(but), f"changed: {sorted(changed - set(but))}"

    @contextmanager
    def at(self, now: datetime) -> Iterator[None]:
        """The app's clock stands at this instant; tokens keep the real one."""
        before = self.app.state.clock
        self.app.state.clock = lambda: now
        try:
            yield
        finally:
            self.app.state.clock = before


class Caller:
    """Somebody who calls one app."""

    def __init__(
        self, app: FastAPI, headers: Mapping[str, str], address: str = "127.0.0.1"
    ) -> None:
        self._app = app
        self._headers = dict(headers)
        self._address = address

    def at(self, address: str) -> "Caller":
        """The same, at another address."""
        return Caller(self._app, self._headers, address)

    async def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One request, as httpx2 takes it."""
        headers = self._headers | dict(request.pop("headers", {}))
        transport = httpx2.ASGITransport(app=self._app, client=(self._address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://shuke.test") as client:
            return await client.request(method, path, headers=headers, **request)

    async def get(self, path: str, **params: Any) -> httpx2.Response:
        """A GET with query parameters."""
        return await self.ask("GET", path, params=params)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
    ) -> httpx2.Response:
        """A request with a JSON body, and the headers that guard it."""
        headers = {}
        if key is not None:
            headers["idempotency-key"] = key
        if if_match is not None:
            headers["if-match"] = if_match
        given = {} if body is None else {"json": body}
        return await self.ask(method, path, headers=headers, **given)

    async def post(self, path: str, body: Any = None, **guards: Any) -> httpx2.Response:
        """A POST with a JSON body."""
        return await self.send("POST", path, body, **guards)

    async def walk(self, path: str, page_size: int, **params: Any) -> list[Any]:
        """All items of a list, page by page; no page is larger than asked for."""
        found: list[Any] = []
        token: dict[str, str] = {}
        while True:
            answer = ok(await self.get(path, page_size=page_size, **token, **params))
            assert len(answer["items"]) <= page_size
            found += answer["items"]
            if not answer.get("next_page_token"):
                return found
            assert len(answer["items"]) == page_size
            token = {"page_token": answer["next_page_token"]}


class Shop:
    """A store with a connection of its own, that signs what it sends."""

    def __init__(self, api: Api, program: str, store: str, connection: str, secret: str) -> None:
        self.api = api
        self.program = program
        self.store = store
        self.connection = connection
        self.secret = secret
        self._sent = 0
        self.address = connection

    def signed(
        self, raw: bytes, *, identity: str | None = None, ahead: float = 0
    ) -> dict[str, str]:
        """Headers of a delivery that is signed so many seconds from now."""
        self._sent += 1
        identity = identity or f"msg_{self.connection}_{self._sent}"
        at = system() + timedelta(seconds=ahead)
        return {
            "content-type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(int((at - EPOCH).total_seconds())),
            "webhook-signature": sign(self.secret, identity, at, raw),
        }

    async def deliver(
        self, raw: Any, headers: Any = None, *, bulk: bool = False, connection: str | None = None
    ) -> httpx2.Response:
        """Send bytes, perhaps in parts, by default with the headers of a good signature."""
        path = f"/webhooks/{connection or self.connection}{'/bulk' if bulk else ''}"
        headers = self.signed(raw) if headers is None else headers
        transport = httpx2.ASGITransport(app=self.api.app, client=(self.address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://shuke.test") as client:
            return await client.post(path, content=raw, headers=headers)

    async def send(self, event: Mapping[str, Any], identity: str | None = None) -> httpx2.Response:
        """Send one event."""
        raw = json.dumps(event).encode()
        return await self.deliver(raw, self.signed(raw, identity=identity))

    async def send_all(self, *events: Mapping[str, Any]) -> httpx2.Response:
        """Send events in bulk."""
        return await self.deliver(json.dumps({"events": events}).encode(), bulk=True)

    def nothing_changes(self, *but: str) -> AbstractAsyncContextManager[None]:
        """Every table of the gateway but those named, and the log, are as before."""
        return self.api.nothing_changes(self.program, *but)

    async def deliveries(self, raw: bytes) -> list[dict[str, Any]]:
        """Rows of the delivery log about a body."""
        hashed = hashlib.sha256(raw).digest()
        rows = await self.api.site.rows("gateway.delivery", self.program)
        return [row for row in rows if row["content_hash"] == hashed]


async def open_shop(api: Api) -> Shop:
    """A program, a store and a connection, made over HTTP at the gateway."""
    operator = api.caller(None)
    body = {"name": "Demo", "time_zone": "Asia/Shanghai", "currency": "CNY"}
    program = ok(await operator.post("/api/gateway/v1/programs", body), 201)["program_id"]
    staff = api.caller(program)
    body = {"kind": "generic", "name": "Shop"}
    store = ok(await staff.post("/api/gateway/v1/stores", body), 201)["store_id"]
    made = ok(await staff.post("/api/gateway/v1/connections", {"store_id": store}), 201)
    return Shop(api, program, store, made["connection_id"], made["secrets"][0]["secret"])


def ok(answer: httpx2.Response, status: int = 200) -> Any:
    """The body of an answer that is no problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a problem, whose form is the same everywhere."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body.keys() == PROBLEM_KEYS
    assert body["status"] == status
    assert body["type"] == f"https://shuke.dev/problems/{code}"
    assert body["title"]
    assert body["trace_id"]
    return body


def new_program() -> str:
    """Text id of a program that nobody has."""
    return text_id("prg", random_id())
