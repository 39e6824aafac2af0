"""The demo's program, store, connection, key and settings, made over HTTP once and remembered.

One program per file and options. Its first settings hold from the beginning and points never
expire, so that no figure depends on the day.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Struct

from services.members.settings import JoinRoute, JoinSettings
from services.members.tiers.settings import five_tiers
from services.points.settings import PointsSettings
from shared.config import Config
from shared.errors import Misconfigured, Unavailable
from shared.http.tokens import Minter
from shared.sealing import KeyRing
from shuke.demo.extras import REFUND_AFTER

CURRENCY: Final = "USD"
ZONE: Final = "UTC"
FILE: Final = "demo.json"
READ: Final = [f"{name}.read" for name in ("members", "points", "campaigns", "analytics")]
_KNOWN_SECONDS: Final = 30.0
"""How long a service may take to learn of a new program."""
_DOCUMENTS: Final = (
    (
        "members",
        "join",
        JoinSettings(routes=(JoinRoute(route="auto-first-order"), JoinRoute(route="open"))),
    ),
    ("members", "ladder/main", five_tiers()),
    (
        "points",
        "points",
        PointsSettings(
            tier_bp={
                "ordinary": 10_000,
                "silver": 15_000,
                "gold": 20_000,
                "platinum": 25_000,
                "diamond": 30_000,
            },
            validity="never",
        ),
    ),
)


class About(Struct, frozen=True):
    """What a programme is made with: documents by service and name."""

    name: str
    zone: str
    currency: str
    region: str
    documents: Sequence[tuple[str, str, Any]]


DEMO: Final = About("Demo", ZONE, CURRENCY, "US", _DOCUMENTS)


class Programme(Struct, frozen=True):
    """What is remembered between runs. `weeks` is how far dates are moved."""

    program: str
    connection: str
    secret: str
    key: str
    weeks: int

    @property
    def shift(self) -> timedelta:
        """How far dates are moved."""
        return timedelta(weeks=self.weeks)


class Operator:
    """Requests with an operator's token, for whoever may read the key files."""

    def __init__(self, client: httpx2.AsyncClient, minter: Minter) -> None:
        self._client = client
        self._minter = minter

    async def ask(
        self,
        method: str,
        path: str,
        program: str | None = None,
        body: Any = None,  # noqa: ANN401 - JSON
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """An answer, whatever its status. Raises Unavailable when there is none."""
        sent = {"authorization": f"Bearer {self._minter.mint('gateway')}", **(headers or {})}
        if program is not None:
            sent["shuke-program"] = program
        try:
            return await self._client.request(method, f"/api{path}", json=body, headers=sent)
        except httpx2.TransportError as error:
            raise Unavailable(f"the gateway does not answer: {error!r}") from error

    async def made(self, path: str, program: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a POST made. Raises Misconfigured when it was refused."""
        return expect(await self.ask("POST", path, program, body))


@asynccontextmanager
async def operating(config: Config) -> AsyncIterator[Operator]:
    """An operator for as long as the block."""
    async with httpx2.AsyncClient(base_url=config.url_of("gateway"), timeout=30) as client:
        yield Operator(client, Minter(KeyRing.open(config.keys_dir)))


def last_week(last: datetime, now: datetime) -> int:
    """Weeks to move dates by, so that the refund of the last order is not in the future."""
    return (now.replace(tzinfo=None) - last - REFUND_AFTER) // timedelta(weeks=1)


async def prepare(
    operator: Operator, config: Config, name: str, weeks: int, about: About = DEMO
) -> Programme:
    """The program remembered under `name`, else a new one."""
    path = config.keys_dir / FILE
    remembered = _remembered(path)
    known = remembered.get(name)
    if known is not None:
        answer = await operator.ask("GET", "/gateway/v1/connections", known.program)
        if answer.status_code == httpx2.codes.OK and answer.json()["items"]:
            return known
    made = await _make(operator, about, weeks if known is None else known.weeks)
    _remember(path, remembered | {name: made})
    return made


async def a_member(operator: Operator, programme: Programme) -> str:
    """The first of the programme's members."""
    page = await operator.ask("GET", "/members/v1/members?page_size=1", programme.program)
    return str(expect(page)["items"][0]["member_id"])


async def _make(operator: Operator, about: About, weeks: int) -> Programme:
    program = (
        await operator.made(
            "/gateway/v1/programs",
            None,
            {
                "name": about.name,
                "time_zone": about.zone,
                "currency": about.currency,
                "default_region": about.region,
                "locale": "en",
            },
        )
    )["program_id"]
    store = await operator.made(
        "/gateway/v1/stores", program, {"kind": "generic", "name": f"{about.name} store"}
    )
    connection = await operator.made(
        "/gateway/v1/connections", program, {"store_id": store["store_id"]}
    )
    key = await operator.made(
        "/gateway/v1/api-keys",
        program,
        {"name": "demo", "permissions": READ, "expires_days": 365},
    )
    for service, document, settings in about.documents:
        await publish(operator, program, f"/{service}/v1/settings/{document}", settings)
    return Programme(
        program, connection["connection_id"], connection["secrets"][0]["secret"], key["key"], weeks
    )


async def publish(
    operator: Operator,
    program: str,
    path: str,
    settings: Any,  # noqa: ANN401 - a settings model
) -> None:
    """Publish a document of settings once the service knows the program, at once in force.

    Raises Unavailable when the service does not learn of it, Misconfigured when it refuses.
    """
    body, new = settings.model_dump(mode="json"), {"if-match": '"0.0"'}
    try:
        async with asyncio.timeout(_KNOWN_SECONDS):
            answer = await operator.ask("PUT", path, program, body, new)
            while answer.status_code == httpx2.codes.NOT_FOUND:
                await asyncio.sleep(0.1)
                answer = await operator.ask("PUT", path, program, body, new)
    except TimeoutError as error:
        raise Unavailable(f"{path}: the service does not learn of the program") from error
    expect(answer)
    draft = {"if-match": answer.headers["etag"]}
    expect(await operator.ask("POST", f"{path}:publish", program, None, draft))


def expect(answer: httpx2.Response) -> dict[str, Any]:
    """What an answer holds. Raises Misconfigured when it is a refusal."""
    if not answer.is_success:
        raise Misconfigured(f"{answer.request.url}: {answer.status_code} {answer.text[:300]}")
    body: dict[str, Any] = answer.json()
    return body


def _remembered(path: Path) -> dict[str, Programme]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Programme])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise Misconfigured(f"{path} cannot be read; delete it to begin anew: {error}") from error


def _remember(path: Path, programmes: Mapping[str, Programme]) -> None:
    text = json.dumps(msgspec.to_builtins(programmes), indent=1)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
