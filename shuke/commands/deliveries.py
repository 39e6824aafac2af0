"""`shuke deliveries`: what shops delivered, and what became of it."""

import json
from typing import Annotated, Any, Final

import typer

from services.gateway import queries
from services.gateway.model import DeliveryStatus
from shared.config import Config
from shared.days import render
from shared.db import programs
from shared.db.transaction import statements
from shared.errors import Misconfigured
from shared.http.reading import Reader
from shared.ids import text_id
from shuke.checking import Look
from shuke.operating import AsJson, identity, operate, table
from shuke.services import SERVICES

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
        database = look.databases[GATEWAY.name]
        async with statements(database) as tx:
            known = await programs.load(tx)
        for program in known.values():
            async with database.reading() as reading:
                row = await queries.find_delivery(Reader(reading, program), wanted)
            if row is not None:
                return _line(row)
        raise Misconfigured(f"no delivery {delivery}")

    typer.echo(json.dumps(operate(config, [GATEWAY], work), indent=1))


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
        "took_ms": row.took_ms,
    }
