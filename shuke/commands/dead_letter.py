"""`shuke dead-letter`: records that were set aside."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer

from shared import dead_letters
from shared.config import Config
from shared.db import quarantine
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.errors import Misconfigured
from shared.ids import parse_id, text_id
from shared.sealing import KeyRing
from shuke import running
from shuke.services import SERVICES

app = typer.Typer(help="Records that were set aside.", no_args_is_help=True)
Service = Annotated[str, typer.Argument(help="Service whose quarantine it is.")]
Identity = Annotated[str, typer.Argument(help="Quarantine id (qrt_…).")]


@app.command("list")
def list_(
    context: typer.Context,
    service: Service,
    klass: Annotated[str | None, typer.Option("--class", help="Only of this class.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line a record.")] = False,
) -> None:
    """List open records with their reasons.

    Example: shuke dead-letter list points --class failed
    """

    async def work(database: Database) -> list[Any]:
        async with statements(database) as tx:
            return list(await quarantine.list_open(tx, klass=klass))

    for row in _with(context, service, work):
        line = _line(row)
        typer.echo(json.dumps(line) if as_json else "  ".join(str(v) for v in line.values()))


@app.command()
def show(context: typer.Context, service: Service, identity: Identity) -> None:
    """Show a record with its content. The content may hold anything: mind who looks.

    Example: shuke dead-letter show points qrt_…
    """
    config: Config = context.obj
    wanted = _identity(identity)

    async def work(database: Database) -> Any:  # noqa: ANN401 - a record
        async with statements(database) as tx:
            return await quarantine.find(tx, wanted)

    row = _with(context, service, work)
    if row is None:
        raise Misconfigured(f"{service} has no record {identity}")
    keys = KeyRing.open(config.keys_dir)
    raw = keys.unseal(quarantine.PURPOSE, str(wanted), row["bytes"])
    line = _line(row) | {"content": raw.decode("utf-8", "backslashreplace")}
    typer.echo(json.dumps(line, indent=1, ensure_ascii=False))


@app.command()
def requeue(
    context: typer.Context,
    service: Service,
    identities: Annotated[list[str] | None, typer.Argument(help="Quarantine ids.")] = None,
    klass: Annotated[str | None, typer.Option("--class", help="All of this class.")] = None,
) -> None:
    """Try records again; what fails again stays, with the new reason.

    Example: shuke dead-letter requeue points --class failed
    """
    config: Config = context.obj
    keys = KeyRing.open(config.keys_dir)

    async def work(database: Database) -> dict[str, str]:
        wanted = [_identity(each) for each in identities or []]
        if klass is not None:
            async with statements(database) as tx:
                rows = await quarantine.list_open(tx, klass=klass, limit=100_000)
            wanted += [row["quarantine_id"] for row in rows]
        return {
            text_id("qrt", each): await dead_letters.requeue(
                database, SERVICES[service], keys, each
            )
            for each in wanted
        }

    states = _with(context, service, work)
    for identity, state in states.items():
        typer.echo(f"{identity}  {state}")
    if any(state == "open" for state in states.values()):
        raise typer.Exit(1)


@app.command()
def discard(
    context: typer.Context,
    service: Service,
    identity: Identity,
    reason: Annotated[str, typer.Option(help="Why it is not needed.", prompt=True)],
) -> None:
    """Close a record without applying it.

    Example: shuke dead-letter discard points qrt_… --reason "sent twice by mistake"
    """

    async def work(database: Database) -> str:
        return await dead_letters.discard(database, _identity(identity), reason)

    typer.echo(f"{identity}  {_with(context, service, work)}")


def _with(context: typer.Context, service: str, work: Callable[[Database], Awaitable[Any]]) -> Any:  # noqa: ANN401
    config: Config = context.obj
    if service not in SERVICES:
        raise Misconfigured(f"no service {service}; there are {', '.join(SERVICES)}")

    async def opened(ready: Config) -> Any:  # noqa: ANN401
        url = ready.database_url_of(service)
        async with Database(service, url, worker=True, size=2) as database:
            return await work(database)

    with running.with_database(config) as ready:
        return asyncio.run(opened(ready))


def _identity(text: str) -> UUID:
    try:
        return parse_id("qrt", text)
    except ValueError as error:
        raise Misconfigured(str(error)) from error


def _line(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a record
    return {
        "id": text_id("qrt", row["quarantine_id"]),
        "class": row["class"],
        "topic": row["topic"],
        "partition": row["partition"],
        "offset": row["offset"],
        "event_id": str(row["event_id"]) if row["event_id"] else None,
        "attempts": row["attempts"],
        "state": quarantine.STATES[row["state"]],
        "reason": row["reason"],
    }
