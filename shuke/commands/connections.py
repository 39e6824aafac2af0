"""`shuke connections`: the shops that are connected, their secrets, pausing."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from services.gateway import queries, store
from services.gateway.connections import Connections
from services.gateway.fetching.asking import Asking, client
from services.gateway.managing import Managing
from services.gateway.model import WEBHOOK
from services.gateway.reporting import comparison_of
from services.gateway.schemas import NewConnection, NewCredentials
from services.gateway.trying import Trying, is_asked
from shared.clock import system
from shared.config import Config
from shared.days import render
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.errors import Misconfigured
from shared.http.reading import Reader
from shared.ids import text_id
from shared.programs import Program
from shared.sealing import KeyRing
from shared.service import Tasking
from shared.surroundings import Surroundings
from shuke.operating import (
    GATEWAY,
    AsJson,
    at_gateway,
    identity,
    operator,
    owner_of,
    tell,
    tell_all,
    validated,
)

app = typer.Typer(help="The shops that are connected.", no_args_is_help=True)
Connection = Annotated[str, typer.Argument(help="Id of the connection (whk_…).")]
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        envvar="WEBHOOK_SECRET",
        help="What the shop signs with, where the shop gives it; - for standard input.",
    ),
]


@app.command("list")
def list_(
    context: typer.Context,
    program: Annotated[str | None, typer.Option(help="Only of this program.")] = None,
    as_json: AsJson = False,
) -> None:
    """List connections with the addresses that shops send to.

    Example: shuke connections list
    """
    config: Config = context.obj

    async def work(database: Database) -> list[dict[str, Any]]:
        async with statements(database) as tx:
            known = await programs.load(tx)
        found = []
        for text, each in known.items():
            if program in {None, text}:
                async with database.reading() as connection:
                    rows = await queries.list_connections(Reader(connection, each))
                found += [_line(config, each, row) for row in rows]
        return found

    heads = ("connection_id", "source", "state", "name", "url")
    tell_all(at_gateway(config, work), heads, "no connections", as_json=as_json)


@app.command()
def add(
    context: typer.Context,
    store_id: Annotated[str, typer.Argument(metavar="STORE", help="Id of the store (sto_…).")],
    source: Annotated[
        str, typer.Option(help="generic, shopify, woocommerce, taobao-tmc, taobao-spi, youzan.")
    ] = "generic",
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    secret: Secret = None,
    as_json: AsJson = False,
) -> None:
    """Connect a store. Prints the address for the shop and the secret, which is shown this once.

    Where the platform gives the secret and it is not told here, the connection is a draft.

    Example: shuke connections add sto_… --source shopify --secret -
    """
    config: Config = context.obj
    given = {"store_id": store_id, "source": source, "name": name, "secret": _given(secret)}
    wanted = validated(NewConnection, given)

    async def work(database: Database) -> dict[str, Any]:
        owner = await owner_of(database, wanted.store_id)
        keys = KeyRing.open(config.keys_dir)
        managing = Managing(database, keys)
        made = await managing.add_connection(owner.text_id, wanted, operator(context))
        connection = text_id("whk", made[0])
        told = {
            "connection_id": connection,
            "program_id": owner.text_id,
            "url": _url(config, connection),
            "state": "draft" if wanted.is_draft else "active",
        }
        return told | ({"secret_id": made[1][0], "secret": made[1][1]} if made[1] else {})

    tell(at_gateway(config, work), as_json=as_json)


@app.command()
def rotate(
    context: typer.Context,
    connection: Connection,
    secret: Secret = None,
    after_hours: Annotated[
        int, typer.Option(min=0, max=720, help="The older secrets end after so long.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Give a connection another secret, a draft its first; older ones sign for some hours yet.

    Example: shuke connections rotate whk_… --after-hours 48
    """
    config: Config = context.obj
    given, found = _given(secret), identity("whk", connection)

    async def work(database: Database) -> dict[str, Any]:
        by = operator(context)
        managing = Managing(database, KeyRing.open(config.keys_dir))
        async with statements(database) as tx:
            row = await store.load_connection(tx, found)
            if row is None:
                raise Misconfigured(f"no connection {connection}")
            known = await store.load_secrets(tx, row["program_id"], found)
            older = [each for each in known if each["kind"] == WEBHOOK]
        program = text_id("prg", row["public_id"])
        secret_id, value = await managing.add_secret(program, found, given, by)
        for each in older:
            if each["not_after"] is None:
                ends = by.at + timedelta(hours=after_hours)
                await managing.end_secret(program, found, each["secret_id"], ends, by)
        return {"connection_id": connection, "secret_id": secret_id, "secret": value}

    tell(at_gateway(config, work), as_json=as_json)


@app.command()
def credentials(
    context: typer.Context,
    connection: Connection,
    expires: Annotated[
        datetime | None, typer.Option(help="When the platform ends them, UTC.")
    ] = None,
) -> None:
    """Give a connection what calls to its platform are signed with, as JSON on standard input.

    What waited for it is fetched at once.

    Example: shuke connections credentials whk_… < credentials.json
    """
    config: Config = context.obj
    found = identity("whk", connection)
    try:
        wanted = NewCredentials.model_validate_json(
            json.dumps({
                "values": json.loads(sys.stdin.read()),
                "expires_at": expires and expires.replace(tzinfo=UTC).isoformat(),
            })
        )
    except ValueError as error:
        raise Misconfigured("standard input: must be a JSON object of texts") from error

    async def work(database: Database) -> None:
        program = await _program_of(database, connection, found)
        managing = Managing(database, KeyRing.open(config.keys_dir))
        by = operator(context)
        await managing.put_credentials(program, found, wanted.values, wanted.expires_at, by)

    at_gateway(config, work)
    typer.echo(f"{connection} has its credentials")


@app.command()
def reconcile(context: typer.Context, connection: Connection, as_json: AsJson = False) -> None:
    """Ask a platform now what has changed, fetch what nobody told, and compare seven days.

    Prints what the last comparison found, by day: orders and totals of the shop and ours.

    Example: shuke connections reconcile whk_…
    """
    config: Config = context.obj
    found = identity("whk", connection)

    async def work(database: Database) -> dict[str, Any]:
        program = await _program_of(database, connection, found)
        managing = Managing(database, KeyRing.open(config.keys_dir))
        await managing.reconcile(program, found, operator(context))
        async with statements(database) as tx:
            known = await programs.load(tx)
        async with database.reading() as reading:
            return await comparison_of(Reader(reading, known[program]), found)

    told = at_gateway(config, work)
    heads = (
        "day", "currency", "shop_count", "shop_total_minor", "our_count", "our_total_minor",
        "agrees", "different", "missing",
    )  # fmt: skip
    if as_json:
        tell(told, as_json=True)
    else:
        typer.echo(f"{connection} is compared with its shop; before: {told['compared_at'] or '-'}")
        tell_all(told["days"], heads, "no orders were compared yet", as_json=False)


@app.command("test")
def try_(context: typer.Context, connection: Connection, as_json: AsJson = False) -> None:
    """Try a connection: what came last; where its platform can be asked, whether it answers.

    Ends with 1 where the platform does not answer as it should.

    Example: shuke connections test whk_…
    """
    config: Config = context.obj
    found = identity("whk", connection)

    async def work(database: Database) -> dict[str, Any]:
        program = await _program_of(database, connection, found)
        keys, now = KeyRing.open(config.keys_dir), system()
        shop = await Connections(database, keys).find(found)
        assert shop is not None
        async with client() as http:
            tasking = Tasking(config, database, keys, Surroundings())
            trying = Trying(tasking, Asking(tasking, http))
            trouble = await trying.call(shop, now) if is_asked(shop) else None
        async with statements(database) as tx:
            known = await programs.load(tx)
        async with database.reading() as reading:
            reader = Reader(reading, known[program])
            rows = await queries.list_deliveries(reader, None, 1, connection_id=found)
        last = rows[0] if rows else None
        return {
            "asked": is_asked(shop),
            "trouble": trouble,
            "last_delivery_at": render(last.received_at) if last else None,
            "last_status": last.status if last else None,
            "last_reason": last.reason if last else None,
        }

    told = at_gateway(config, work)
    tell(told, as_json=as_json)
    if told["trouble"]:
        raise typer.Exit(1)


@app.command()
def pause(context: typer.Context, connection: Connection) -> None:
    """Let a shop come again later: its deliveries get 503 until the connection is resumed.

    Example: shuke connections pause whk_…
    """
    _move(context, connection, "paused", ["active"])


@app.command()
def resume(context: typer.Context, connection: Connection) -> None:
    """Take deliveries again.

    Example: shuke connections resume whk_…
    """
    _move(context, connection, "active", ["paused"])


@app.command()
def close(context: typer.Context, connection: Connection) -> None:
    """End a connection for good.

    Example: shuke connections close whk_…
    """
    _move(context, connection, "closed", ["draft", "active", "paused"])


def _move(context: typer.Context, connection: str, state: str, allowed: list[str]) -> None:
    config: Config = context.obj
    found = identity("whk", connection)

    async def work(database: Database) -> None:
        program = await _program_of(database, connection, found)
        managing = Managing(database, KeyRing.open(config.keys_dir))
        await managing.move_connection(program, found, state, allowed, operator(context))

    at_gateway(config, work)
    typer.echo(f"{connection} is {state}")


async def _program_of(database: Database, connection: str, found: UUID) -> str:
    """The program of a connection."""
    async with statements(database) as tx:
        row = await store.load_connection(tx, found)
    if row is None:
        raise Misconfigured(f"no connection {connection}")
    return text_id("prg", row["public_id"])


def _given(secret: str | None) -> str | None:
    return sys.stdin.readline().strip() if secret == "-" else secret  # noqa: S105 - the usual dash


def _line(config: Config, program: Program, row: Any) -> dict[str, Any]:  # noqa: ANN401 - a record
    connection = text_id("whk", row.connection_id)
    return {
        "connection_id": connection,
        "program_id": program.text_id,
        "store_id": text_id("sto", row.store_id),
        "source": row.source,
        "state": row.state,
        "name": row.name,
        "url": _url(config, connection),
    }


def _url(config: Config, connection: str) -> str:
    return f"{config.url_of(GATEWAY.name)}/webhooks/{connection}"
