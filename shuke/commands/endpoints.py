"""`shuke endpoints`: where events are sent, what was sent, what came of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

import typer
from pydantic import BaseModel, ValidationError

from services.gateway.outbound import queries, telling
from services.gateway.outbound.managing import Endpoints
from services.gateway.outbound.model import STATES
from services.gateway.outbound.schemas import (
    NewEndpoint,
    ReplayRange,
    SendExample,
    Signature,
)
from shared.audit.deeds import Actor
from shared.clock import monotonic, system
from shared.config import Config
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.errors import HttpProblem, Misconfigured
from shared.http.reading import Reader
from shared.ids import text_id
from shared.programs import Program
from shared.sealing import KeyRing
from shuke.operating import AsJson, identity, operate, operator, table
from shuke.services import SERVICES

app = typer.Typer(help="Where events are sent.", no_args_is_help=True)
GATEWAY: Final = SERVICES["gateway"]
WAIT_SECONDS: Final = 20.0
ENDPOINTS: Final = ("endpoint_id", "state", "failures", "types", "name", "url")
MESSAGES: Final = ("created_at", "message_id", "type", "state", "attempts", "due_at")
Endpoint = Annotated[str, typer.Argument(help="Id of the endpoint (ept_…).")]
State = Literal["pending", "delivered", "exhausted"]
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Site:
    """The gateway's database, and what is done with endpoints in it."""

    def __init__(self, database: Database, config: Config) -> None:
        self.database = database
        self.endpoints = Endpoints(database, KeyRing.open(config.keys_dir), config.networks)

    async def programs(self) -> Mapping[str, Program]:
        """All programs, by text id."""
        async with statements(self.database) as tx:
            return await programs.load(tx)

    async def find(
        self, find: Callable[[Reader, UUID], Awaitable[Any]], wanted: UUID, what: str
    ) -> tuple[Program, Any]:
        """A row of whichever program has it. Raises Misconfigured."""
        for program in (await self.programs()).values():
            row = await self.read(program, lambda reader: find(reader, wanted))
            if row is not None:
                return program, row
        raise Misconfigured(f"no such {what}")

    async def owner(self, endpoint: UUID) -> Program:
        """The program of an endpoint."""
        return (await self.find(queries.find_endpoint, endpoint, "endpoint"))[0]

    async def read(self, program: Program, query: Callable[[Reader], Awaitable[T]]) -> T:
        """What a query finds of a program."""
        async with self.database.reading() as connection:
            return await query(Reader(connection, program))


@app.command("list")
def list_(
    context: typer.Context,
    program: Annotated[str | None, typer.Option(help="Only of this program.")] = None,
    as_json: AsJson = False,
) -> None:
    """List endpoints.

    Example: shuke endpoints list
    """

    async def work(site: Site) -> list[dict[str, Any]]:
        found = []
        for text, each in (await site.programs()).items():
            if program in {None, text}:
                rows = await site.read(each, queries.list_endpoints)
                found += [{"program_id": text} | telling.endpoint(row) for row in rows]
        return found

    lines = _with_gateway(context.obj, work)
    _tell_all(lines, ENDPOINTS, "no endpoints", as_json=as_json)


@app.command()
def add(  # noqa: PLR0913, PLR0917 - options of a command
    context: typer.Context,
    program: Annotated[str, typer.Argument(help="Id of the program (prg_…).")],
    url: Annotated[str, typer.Argument(help="https://…")],
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Of events, e.g. refund; default: all.")
    ] = None,
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    signature: Annotated[str, typer.Option(help="v1 or v1a.")] = "v1",
    ordered: Annotated[bool, typer.Option(help="One of a subject at a time.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send events to a URL. Prints what it verifies with, which is shown this once.

    Example: shuke endpoints add prg_… https://example.com/hook --type order-completed
    """
    wanted = _checked(
        NewEndpoint,
        {"url": url, "name": name, "signature": signature, "ordered": ordered}
        | ({"types": types} if types else {}),
    )

    async def work(site: Site) -> dict[str, Any]:
        owner = (await site.programs()).get(program)
        if owner is None:
            raise Misconfigured(f"no program {program}")
        made, secret_id, value = await site.endpoints.add(owner, wanted, operator(context))
        told = telling.secret(secret_id, wanted.signature, value)
        return {"endpoint_id": text_id("ept", made), "url": wanted.url} | told

    _tell(_with_gateway(context.obj, work), as_json=as_json)


@app.command()
def rotate(
    context: typer.Context,
    endpoint: Endpoint,
    signature: Annotated[str, typer.Option(help="v1 or v1a.")] = "v1",
    after_hours: Annotated[
        int, typer.Option(min=0, max=720, help="The older secrets end after so long.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Give an endpoint another secret; the older ones sign beside it for some hours yet.

    Example: shuke endpoints rotate ept_…
    """
    found, kind = identity("ept", endpoint), _signature(signature)

    async def work(site: Site) -> dict[str, Any]:
        owner, overlap = await site.owner(found), timedelta(hours=after_hours)
        by = operator(context)
        secret_id, value = await site.endpoints.rotate(owner, found, kind, overlap, by)
        return {"endpoint_id": endpoint} | telling.secret(secret_id, kind, value)

    _tell(_with_gateway(context.obj, work), as_json=as_json)


@app.command()
def disable(context: typer.Context, endpoint: Endpoint) -> None:
    """Send nothing more; what happens is kept for 30 days.

    Example: shuke endpoints disable ept_…
    """
    _move(context, endpoint, Endpoints.disable, "disabled")


@app.command()
def enable(context: typer.Context, endpoint: Endpoint) -> None:
    """Send again, and what was kept meanwhile.

    Example: shuke endpoints enable ept_…
    """
    _move(context, endpoint, Endpoints.enable, "enabled")


@app.command()
def remove(context: typer.Context, endpoint: Endpoint) -> None:
    """Let an endpoint go; what was still to be sent is not sent any more.

    Example: shuke endpoints remove ept_…
    """
    _move(context, endpoint, Endpoints.remove, "removed")


@app.command("test")
def send_example(
    context: typer.Context,
    endpoint: Endpoint,
    type_: Annotated[str | None, typer.Option("--type", help="Of the example.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send an example event, and wait for what comes of the first attempt.

    Example: shuke endpoints test ept_… --type order-completed
    """
    found, wanted = identity("ept", endpoint), _checked(SendExample, {"type": type_})

    async def work(site: Site) -> dict[str, Any]:
        owner = await site.owner(found)
        message = await site.endpoints.test(owner, found, wanted.type, operator(context))
        ends_at = monotonic() + WAIT_SECONDS
        while True:
            told = await _message(site, owner, message)
            if told["attempts"] or monotonic() > ends_at:
                return told
            await asyncio.sleep(0.2)

    told = _with_gateway(context.obj, work)
    tried: Mapping[str, Any] = next(iter(told["tries"]), {})
    line = {name: told[name] for name in ("message_id", "type", "state")}
    _tell(line | {name: tried.get(name) for name in ("status", "error", "answer")}, as_json=as_json)
    if told["state"] != "delivered":
        if not tried:
            typer.echo(f"no attempt within {WAIT_SECONDS:.0f} s: does a worker run?", err=True)
        raise typer.Exit(1)


@app.command()
def messages(
    context: typer.Context,
    endpoint: Annotated[str | None, typer.Argument(help="Only of this one (ept_…).")] = None,
    state: Annotated[State | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="So many of a program.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List messages, those about the newest events first.

    Example: shuke endpoints messages ept_… --state exhausted
    """
    of = identity("ept", endpoint) if endpoint else None
    code = STATES.index(state) if state else None

    async def work(site: Site) -> list[dict[str, Any]]:
        known = [await site.owner(of)] if of else (await site.programs()).values()
        found: list[dict[str, Any]] = []
        for each in known:
            rows = await site.read(
                each,
                lambda reader: queries.list_messages(
                    reader, None, limit, endpoint_id=of, state=code
                ),
            )
            found += map(telling.message, rows)
        return sorted(found, key=lambda line: line["created_at"], reverse=True)

    lines = _with_gateway(context.obj, work)
    _tell_all(lines, MESSAGES, "no messages", as_json=as_json)


@app.command()
def show(context: typer.Context, message: Annotated[str, typer.Argument(help="msg_…")]) -> None:
    """Show one message with its body and attempts.

    Example: shuke endpoints show msg_…
    """
    found = identity("msg", message)

    async def work(site: Site) -> dict[str, Any]:
        owner, _ = await site.find(queries.find_message, found, "message")
        return await _message(site, owner, found)

    typer.echo(json.dumps(_with_gateway(context.obj, work), indent=1, ensure_ascii=False))


@app.command()
def replay(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="A message (msg_…) or an endpoint (ept_…).")],
    since: Annotated[str | None, typer.Option(help="Of an endpoint: events from then on.")] = None,
    until: Annotated[str | None, typer.Option(help="Events before then; default: now.")] = None,
    state: Annotated[str, typer.Option(help="exhausted, delivered or all.")] = "exhausted",
) -> None:
    """Let messages go out again, under their ids.

    Example: shuke endpoints replay ept_… --since 2026-03-01T00:00:00Z
    """
    if what.startswith("msg_"):
        message = identity("msg", what)

        async def one(site: Site) -> int:
            owner, _ = await site.find(queries.find_message, message, "message")
            await site.endpoints.replay(owner, message, operator(context))
            return 1

        count = _with_gateway(context.obj, one)
    else:
        endpoint = identity("ept", what)
        wanted = _checked(
            ReplayRange, {"since": since, "until": until or _soon(system()), "state": state}
        )

        async def many(site: Site) -> int:
            owner = await site.owner(endpoint)
            by = operator(context)
            return await site.endpoints.replay_range(owner, endpoint, wanted, by)

        count = _with_gateway(context.obj, many)
    typer.echo(f"{count} to go out again")


def _move(
    context: typer.Context,
    endpoint: str,
    move: Callable[[Endpoints, Program, UUID, Actor], Awaitable[None]],
    done: str,
) -> None:
    found = identity("ept", endpoint)

    async def work(site: Site) -> None:
        await move(site.endpoints, await site.owner(found), found, operator(context))

    _with_gateway(context.obj, work)
    typer.echo(f"{endpoint} is {done}")


def _soon(now: datetime) -> datetime:
    """Beyond the times of all events there are: they may lie a day ahead."""
    return now + timedelta(days=2)


async def _message(site: Site, owner: Program, message: UUID) -> dict[str, Any]:
    row = await site.read(owner, lambda reader: queries.find_message(reader, message))
    attempts = await site.read(owner, lambda reader: queries.list_attempts(reader, message))
    assert row is not None
    return telling.whole(row, attempts)


def _checked(model: type[M], values: Mapping[str, Any]) -> M:
    """The values as a request of the API would have them. Raises Misconfigured."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        told = error.errors()[0]
        where = ".".join(map(str, told["loc"]))
        raise Misconfigured(f"{where}: {told['msg']}".removeprefix(": ")) from error


def _signature(text: str) -> Signature:
    if text not in {"v1", "v1a"}:
        raise Misconfigured(f"expected v1 or v1a, got {text!r}")
    return "v1a" if text == "v1a" else "v1"


def _with_gateway(config: Config, work: Callable[[Site], Awaitable[T]]) -> T:
    async def looking(look: Any) -> T:  # noqa: ANN401 - databases by name
        try:
            return await work(Site(look.databases[GATEWAY.name], config))
        except HttpProblem as problem:
            told = [f"{each.pointer[1:]}: {each.message}" for each in problem.errors]
            raise Misconfigured("; ".join(told) or problem.detail) from problem

    return operate(config, [GATEWAY], looking)


def _tell(told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo(table(("", ""), [[name, value] for name, value in told.items()]).lstrip())


def _tell_all(
    lines: list[dict[str, Any]], heads: tuple[str, ...], none: str, *, as_json: bool
) -> None:
    if as_json:
        for line in lines:
            typer.echo(json.dumps(line, ensure_ascii=False))
    elif lines:
        shown = [[_cell(line[head]) for head in heads] for line in lines]
        typer.echo(table(heads, shown))
    else:
        typer.echo(none, err=True)


def _cell(value: Any) -> str:  # noqa: ANN401 - of JSON
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None else str(value)
