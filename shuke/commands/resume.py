"""`shuke resume`: partitions that stand still."""

import json
from typing import Annotated, Any

import typer

from shared import halts
from shared.db.positions import Resumption
from shared.errors import Misconfigured
from shuke.checking import Look
from shuke.operating import AsJson, operate, operator, readers, table


def resume(  # noqa: PLR0913, PLR0917 - what is meant, from where, and why
    context: typer.Context,
    service: Annotated[str | None, typer.Argument(help="Service; none: list.")] = None,
    topic: Annotated[str | None, typer.Argument(help="Topic that stands still.")] = None,
    partition: Annotated[int | None, typer.Argument(help="Only this partition.", min=0)] = None,
    at: Annotated[
        int | None, typer.Option(min=0, help="Offset to go on from. What is between is skipped.")
    ] = None,
    accept: Annotated[
        int, typer.Option(min=0, help="So many records more are taken, readable or not.")
    ] = 0,
    because: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    as_json: AsJson = False,
) -> None:
    """Let partitions go on that stand still. Without a topic: list those that do, and why.

    Example: shuke resume points storefront 3 --at 1200 --because "the log was restored"
    """
    if topic is None:
        _list(context, service, as_json=as_json)
        return
    if not because.strip():
        raise Misconfigured("say why, with --because")
    by = operator(context)
    how = Resumption(because, by.id, at, accept)

    async def work(look: Look) -> Any:  # noqa: ANN401 - what was resumed
        assert look.stream is not None
        (database,) = look.databases.values()
        return await halts.resume(database, look.stream, (topic, partition), how, by)

    for each in operate(context.obj, readers(service), work):
        line = {"service": service} | halts.describe(each.halt) | {"to_offset": each.to_offset}
        place = f"{topic}/{each.halt.partition}"
        typer.echo(json.dumps(line) if as_json else f"{place} goes on at {each.to_offset}")


def _list(context: typer.Context, service: str | None, *, as_json: bool) -> None:
    async def work(look: Look) -> list[dict[str, Any]]:
        return [
            {"service": name} | halts.describe(halt)
            for name, database in look.databases.items()
            for halt in await halts.list_halts(database)
        ]

    found = operate(context.obj, readers(service), work)
    heads = ("service", "topic", "partition", "reason", "next_offset", "meaning")
    if as_json:
        for line in found:
            typer.echo(json.dumps(line))
    else:
        typer.echo(table(heads, [[line[head] for head in heads] for line in found]))
