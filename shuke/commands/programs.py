"""`shuke programs`: the merchants' programs: pausing, closing and deleting them."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from msgspec import structs

from services.gateway import queries
from services.gateway.programs.leaving import Leaving, told
from services.gateway.programs.managing import Programs
from services.gateway.programs.schemas import ChangeProgram, LeaveProgram
from services.gateway.programs.store import program_of
from shared.config import Config
from shared.db.engine import Database
from shared.errors import Misconfigured
from shared.http.reading import values
from shared.ids import text_id
from shared.sealing import KeyRing
from shuke.operating import AsJson, at_gateway, identity, operator, tell, tell_all, validated

app = typer.Typer(help="The merchants' programs.", no_args_is_help=True)
Program = Annotated[str, typer.Argument(metavar="PROGRAM", help="Id of the program (prg_…).")]


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List programs.

    Example: shuke programs list
    """
    heads = ("program_id", "status", "currency", "time_zone", "name")
    tell_all(_found(context.obj, None), heads, "no programs", as_json=as_json)


@app.command()
def show(context: typer.Context, program: Program, as_json: AsJson = False) -> None:
    """Show a program.

    Example: shuke programs show prg_…
    """
    identity("prg", program)
    found = _found(context.obj, program)
    if not found:
        raise Misconfigured(f"no program {program}")
    tell(found[0], as_json=as_json)


@app.command()
def pause(context: typer.Context, program: Program, as_json: AsJson = False) -> None:
    """Let nobody join or spend until the program is resumed; deliveries are taken and processed.

    Example: shuke programs pause prg_…
    """
    _change(context, program, "paused", as_json=as_json)


@app.command()
def resume(context: typer.Context, program: Program, as_json: AsJson = False) -> None:
    """Open a program that is paused, or still being set up.

    Example: shuke programs resume prg_…
    """
    _change(context, program, "open", as_json=as_json)


@app.command()
def close(context: typer.Context, program: Program, as_json: AsJson = False) -> None:
    """End a program for good: it is only read from then on, and takes no deliveries.

    Example: shuke programs close prg_…
    """
    _change(context, program, "closed", as_json=as_json)


@app.command()
def delete(
    context: typer.Context,
    program: Program,
    name: Annotated[str, typer.Option(help="The program's name, as it stands.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    as_json: AsJson = False,
) -> None:
    """Let a closed program leave: in thirty days everything that is known of it is deleted.

    Until then `shuke programs restore` takes it back.

    Example: shuke programs delete prg_… --name "My shop" --reason "we move on"
    """
    identity("prg", program)
    wanted = validated(LeaveProgram, {"name": name, "reason": reason})

    async def work(leaving: Leaving) -> dict[str, Any]:
        await leaving.ask(program, wanted.name, wanted.reason, operator(context))
        return told(program, *await leaving.find(program))

    found = _leaving(context, work)
    _say(found, f"; it can be taken back until {found['ends_at']}", as_json=as_json)


@app.command()
def restore(context: typer.Context, program: Program, as_json: AsJson = False) -> None:
    """Let a program that leaves stay after all; it is closed, as it was.

    Example: shuke programs restore prg_…
    """
    identity("prg", program)

    async def work(leaving: Leaving) -> dict[str, Any]:
        changed = await leaving.take_back(program, operator(context))
        return {"program_id": program} | structs.asdict(changed)

    found = _leaving(context, work)
    _say(found, as_json=as_json)


def _leaving(
    context: typer.Context, work: Callable[[Leaving], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    config: Config = context.obj

    async def at(database: Database) -> dict[str, Any]:
        return await work(Leaving(database, KeyRing.open(config.keys_dir)))

    return at_gateway(config, at)


def _say(found: dict[str, Any], more: str = "", *, as_json: bool) -> None:
    """Print a program: whole as JSON, or how it stands."""
    if as_json:
        tell(found, as_json=True)
    else:
        typer.echo(f"{found['program_id']} is {found['status']}{more}")


def _found(config: Config, program: str | None) -> list[dict[str, Any]]:
    async def work(database: Database) -> list[dict[str, Any]]:
        async with database.reading() as connection:
            rows = await queries.list_programs(connection, program)
        return [
            {"program_id": text_id("prg", row.public_id)} | structs.asdict(program_of(values(row)))
            for row in rows
        ]

    return at_gateway(config, work)


def _change(context: typer.Context, program: str, status: str, *, as_json: bool) -> None:
    config: Config = context.obj
    identity("prg", program)
    wanted = validated(ChangeProgram, {"status": status})

    async def work(database: Database) -> dict[str, Any]:
        managing = Programs(database, KeyRing.open(config.keys_dir))
        changed = await managing.change_program(program, wanted, "*", operator(context))
        return {"program_id": program} | structs.asdict(changed)

    told = at_gateway(config, work)
    _say(told, as_json=as_json)
