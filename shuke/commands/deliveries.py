"""`shuke deliveries`: what shops delivered, and what became of it."""

import json
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import typer

from services.gateway import queries
from services.gateway.model import DeliveryStatus
from services.gateway.replaying import Replaying
from services.gateway.schemas import NewReplay
from shared.config import Config
from shared.days import render
from shared.db import programs
from shared.db.transaction import statements
from shared.errors import HttpProblem, Misconfigured
from shared.http.reading import Reader
from shared.ids import text_id
from shared.programs import Program
from shared.sealing import KeyRing
from shuke.checking import Look
from shuke.operating import AsJson, identity, operate, operator, table
from shuke.services import SERVICES

T = TypeVar("T")
app = typer.Typer(help="What shops delivered.", no_args_is_help=True)
GATEWAY: Final = SERVICES["gateway"]
HEADS: Final = ("received_at", "delivery_id", "type", "status", "reason")


@app.command("list")
def list_(
    context: typer.Context,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only these.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only of this connection.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="So many of a program.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, the newest first.

    Example: shuke deliveries list --status failed
    """
    of = identity("whk", connection) if connection else None

    async def work(look: Look) -> list[dict[str, Any]]:
        database = look.databases[GATEWAY.name]
        async with statements(database) as tx:
            known = await programs.load(tx)
        found: list[dict[str, Any]] = []
        for program in known.values():
            async with database.reading() as reading:
                rows = await queries.list_deliveries(
                    Reader(reading, program), None, limit, status=status, connection_id=of
                )
            found += map(_line, rows)
        return sorted(found, key=lambda line: line["received_at"], reverse=True)

    lines = operate(context.obj, [GATEWAY], work)
    if as_json:
        for line in lines:
            typer.echo(json.dumps(line))
    elif lines:
        typer.echo(table(HEADS, [[line[head] or "" for head in HEADS] for line in lines]))
    else:
        typer.echo("no deliveries", err=True)


@app.command()
def show(context: typer.Context, delivery: Annotated[str, typer.Argument(help="dlv_…")]) -> None:
    """Show one delivery.

    Example: shuke deliveries show dlv_…
    """
    config: Config = context.obj
    wanted = identity("dlv", delivery)

    async def work(look: Look) -> dict[str, Any]:
        return _line(await _find(look, wanted))

    typer.echo(json.dumps(operate(config, [GATEWAY], work), indent=1))


@app.command()
def body(context: typer.Context, delivery: Annotated[str, typer.Argument(help="dlv_…")]) -> None:
    """Show a delivery as it came, which may name a person, and the events it would give now.

    Example: shuke deliveries body dlv_…
    """
    config: Config = context.obj
    wanted = identity("dlv", delivery)

    async def work(look: Look) -> dict[str, Any]:
        owner, replaying = await _found(look, config, wanted)
        shown = await _told(replaying.shown(owner, wanted, operator(context)))
        return {
            "headers": shown.content.headers,
            "body": shown.content.raw.decode(errors="replace"),
            "events": [json.loads(each.value) for each in shown.events],
        }

    typer.echo(json.dumps(operate(config, [GATEWAY], work), indent=1, ensure_ascii=False))


@app.command()
def replay(  # noqa: PLR0913, PLR0917 - filters
    context: typer.Context,
    delivery: Annotated[str | None, typer.Argument(help="One delivery (dlv_…).")] = None,
    program: Annotated[str | None, typer.Option(help="Many: those of this program.")] = None,
    status: Annotated[DeliveryStatus, typer.Option(help="Many: with this status.")] = "failed",
    connection: Annotated[str | None, typer.Option(help="Many: of this connection.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Many: received at or after, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Many: received before, UTC.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read one delivery again, or as a job of the worker many of a program.

    What took effect before has the same id, and no second effect.

    Example: shuke deliveries replay --program prg_… --status failed
    """
    config: Config = context.obj
    if (delivery is None) == (program is None):
        raise Misconfigured("name a delivery, or with --program those of a program")

    async def one(look: Look) -> dict[str, Any]:
        wanted = identity("dlv", str(delivery))
        owner, replaying = await _found(look, config, wanted)
        await _told(replaying.one(owner, wanted, operator(context)))
        return _line(await _find(look, wanted))

    async def many(look: Look) -> dict[str, Any]:
        async with statements(look.databases[GATEWAY.name]) as tx:
            known = await programs.load(tx)
        if program not in known:
            raise Misconfigured(f"no program {program}")
        wanted = NewReplay(
            connection_id=connection and text_id("whk", identity("whk", connection)),
            statuses=[status],
            since=since and since.replace(tzinfo=UTC),
            until=until and until.replace(tzinfo=UTC),
        )
        replaying = Replaying(look.databases[GATEWAY.name], KeyRing.open(config.keys_dir))
        identity_, total = await replaying.many(known[program], wanted, operator(context))
        return {"replay_id": text_id("rpl", identity_), "total": total}

    told = operate(config, [GATEWAY], one if delivery else many)
    typer.echo(
        json.dumps(told)
        if as_json
        else table(("", ""), [[name, value] for name, value in told.items()]).lstrip()
    )


async def _found(look: Look, config: Config, wanted: UUID) -> tuple[Program, Replaying]:
    """Whose a delivery is, and what reads it again."""
    program, _ = await _owned(look, wanted)
    return program, Replaying(look.databases[GATEWAY.name], KeyRing.open(config.keys_dir))


async def _find(look: Look, wanted: UUID) -> Any:  # noqa: ANN401 - a record
    return (await _owned(look, wanted))[1]


async def _owned(look: Look, wanted: UUID) -> tuple[Program, Any]:
    """A delivery, and the program that it belongs to. Raises Misconfigured."""
    database = look.databases[GATEWAY.name]
    async with statements(database) as tx:
        known = await programs.load(tx)
    for program in known.values():
        async with database.reading() as reading:
            row = await queries.find_delivery(Reader(reading, program), wanted)
        if row is not None:
            return program, row
    raise Misconfigured(f"no delivery {text_id('dlv', wanted)}")


async def _told(work: Awaitable[T]) -> T:
    """What work gives; a problem that it meets is told as a command tells it."""
    try:
        return await work
    except HttpProblem as problem:
        raise Misconfigured(problem.detail) from problem


def _line(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a record
    return {
        "received_at": render(row.received_at),
        "delivery_id": text_id("dlv", row.delivery_id),
        "connection_id": text_id("whk", row.connection_id),
        "source_id": row.source_id,
        "type": row.type,
        "status": row.status,
        "reason": row.reason,
        "event_id": str(row.event_id) if row.event_id else None,
        "attempt": row.attempt,
        "took_ms": row.took_ms,
    }
