"""`shuke stores`: the stores and branches of programs."""

from typing import Annotated, Any

import typer
from msgspec import structs

from services.gateway import queries
from services.gateway.programs.managing import Programs
from services.gateway.programs.schemas import ChangeStore, NewStore
from services.gateway.programs.store import store_of
from shared.config import Config
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.events.programs.store_changed import StoreChanged
from shared.http.reading import Reader, values
from shared.sealing import KeyRing
from shuke.operating import (
    AsJson,
    at_gateway,
    identity,
    operator,
    owner_of,
    tell,
    tell_all,
    validated,
)

app = typer.Typer(help="The stores and branches of programs.", no_args_is_help=True)
Store = Annotated[str, typer.Argument(metavar="STORE", help="Id of the store (sto_…).")]


@app.command("list")
def list_(
    context: typer.Context,
    program: Annotated[str | None, typer.Option(help="Only of this program.")] = None,
    as_json: AsJson = False,
) -> None:
    """List stores; a branch with the store above it.

    Example: shuke stores list --program prg_…
    """

    async def work(database: Database) -> list[dict[str, Any]]:
        async with statements(database) as tx:
            known = await programs.load(tx)
        found = []
        for text, each in known.items():
            if program in {None, text}:
                async with database.reading() as connection:
                    rows = await queries.list_stores(Reader(connection, each), None)
                found += [_line(text, store_of(values(row))) for row in rows]
        return found

    heads = ("store_id", "kind", "status", "parent", "name")
    tell_all(at_gateway(context.obj, work), heads, "no stores", as_json=as_json)


@app.command()
def add(  # noqa: PLR0913, PLR0917 - the options of a command
    context: typer.Context,
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="Its program (prg_…).")],
    name: Annotated[str, typer.Option(help="A name for people.")],
    kind: Annotated[
        str,
        typer.Option(help="taobao, tmall, youzan, shopify, woocommerce, generic or branch."),
    ] = "generic",
    parent: Annotated[str | None, typer.Option(help="Of a branch, the store above it.")] = None,
    region: Annotated[
        str | None, typer.Option(help="Of phones without a country code; default: the program's.")
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="A page of the storefront; may be given again."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a store, or a branch of one.

    Example: shuke stores add prg_… --kind branch --name Nanjing-Road --parent sto_…
    """
    config: Config = context.obj
    identity("prg", program)
    pairs = [each.partition("=") for each in link or ()]
    links = [{"name": head, "url": url} for head, _, url in pairs]
    given = {"kind": kind, "name": name, "parent": parent, "region": region, "links": links}
    wanted = validated(NewStore, given)

    async def work(database: Database) -> dict[str, Any]:
        managing = Programs(database, KeyRing.open(config.keys_dir))
        return _line(program, await managing.add_store(program, wanted, operator(context)))

    tell(at_gateway(config, work), as_json=as_json)


@app.command()
def pause(context: typer.Context, store: Store, as_json: AsJson = False) -> None:
    """Let nobody join in a store until it is resumed; its deliveries are taken and processed.

    Example: shuke stores pause sto_…
    """
    _change(context, store, "paused", as_json=as_json)


@app.command()
def resume(context: typer.Context, store: Store, as_json: AsJson = False) -> None:
    """Open a store again.

    Example: shuke stores resume sto_…
    """
    _change(context, store, "open", as_json=as_json)


@app.command()
def close(context: typer.Context, store: Store, as_json: AsJson = False) -> None:
    """End a store for good, its connections with it; what it brought stays.

    Example: shuke stores close sto_…
    """
    _change(context, store, "closed", as_json=as_json)


def _change(context: typer.Context, store: str, status: str, *, as_json: bool) -> None:
    config: Config = context.obj
    found = identity("sto", store)
    wanted = validated(ChangeStore, {"status": status})

    async def work(database: Database) -> dict[str, Any]:
        program = (await owner_of(database, store)).text_id
        managing = Programs(database, KeyRing.open(config.keys_dir))
        by = operator(context)
        return _line(program, await managing.change_store(program, found, wanted, "*", by))

    told = at_gateway(config, work)
    if as_json:
        tell(told, as_json=True)
    else:
        typer.echo(f"{store} is {told['status']}")


def _line(program: str, store: StoreChanged) -> dict[str, Any]:
    links = [structs.asdict(each) for each in store.links]
    return {"program_id": program} | structs.asdict(store) | {"links": links}
