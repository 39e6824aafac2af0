"""`shuke audit`: who did what, in every service."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from shared.db.transaction import statements
from shared.http.audit import PREFIX, Wanted, find, line
from shared.ids import parse_id
from shuke.checking import Look
from shuke.operating import AsJson, identity, operate, tell_all
from shuke.services import chosen

app = typer.Typer(help="Who did what.", no_args_is_help=True)


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917 - filters
    context: typer.Context,
    service: Annotated[str | None, typer.Option(help="Only of this service.")] = None,
    program: Annotated[str | None, typer.Option(help="Only of this program.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only by this one.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, e.g. keys.create.")] = None,
    target: Annotated[str | None, typer.Option(help="Only to this.")] = None,
    since: Annotated[datetime | None, typer.Option("--from", help="At or after, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before, UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the newest.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what was done, the newest first.

    Example: shuke audit list --action keys.create --from 2026-03-01 --json
    """
    if program is not None:
        identity("prg", program)
    wanted = Wanted(program, actor, action, target, _utc(since), _utc(until))

    async def work(look: Look) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for name, database in look.databases.items():
            async with statements(database) as tx:
                found += [line(name, row) for row in await find(tx, wanted, None, limit)]
        found.sort(key=lambda each: parse_id(PREFIX, each["entry_id"]), reverse=True)
        return found[:limit]

    lines = operate(context.obj, chosen([service] if service else []), work)
    heads = ("at", "service", "actor_id", "action", "target", "reason")
    tell_all(lines, heads, "nothing was done", as_json=as_json)


def _utc(given: datetime | None) -> datetime | None:
    return None if given is None else given.replace(tzinfo=UTC)
