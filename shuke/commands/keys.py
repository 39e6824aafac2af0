"""`shuke keys`: key files, operator's tokens, API keys, signatures by hand."""

import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from services.gateway import queries, standard_webhooks
from services.gateway.managing import Managing, key_line
from services.gateway.schemas import NewKey, RotateKey
from shared.clock import system
from shared.config import Config
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import Row, statements
from shared.errors import Misconfigured
from shared.http.reading import Reader
from shared.http.tokens import Minter
from shared.ids import text_id
from shared.programs import Program
from shared.sealing import KeyRing
from shuke.operating import (
    AsJson,
    at_gateway,
    identity,
    operator,
    tell,
    tell_all,
    validated,
)
from shuke.staffing import first_run

Key = Annotated[str, typer.Argument(metavar="KEY", help="Id of the API key (key_…).")]
app = typer.Typer(help="Key files, API keys, tokens and signatures.", no_args_is_help=True)


@app.command()
def init(context: typer.Context) -> None:
    """Make the key files that are missing; existing ones stay as they are.

    Example: shuke keys init
    """
    config: Config = context.obj
    KeyRing.create(config.keys_dir)
    typer.echo(f"keys are in {config.keys_dir}", err=True)


@app.command()
def token(
    context: typer.Context,
    audience: Annotated[str, typer.Argument(help="Service that is to take it.")] = "gateway",
) -> None:
    """Print an operator's token, valid for five minutes: for whoever may read the key files.

    Example: curl -H "authorization: Bearer $(shuke keys token)" …
    """
    config: Config = context.obj
    typer.echo(Minter(KeyRing.open(config.keys_dir)).mint(audience))


@app.command("owner-link")
def owner_link(context: typer.Context) -> None:
    """Print another link by which the first owner is made, good for 24 hours, once.

    The one before counts no more. Refused where there is an owner.

    Example: shuke keys owner-link
    """
    config: Config = context.obj
    link = at_gateway(config, lambda database: first_run(config, database))
    if link is None:
        raise Misconfigured("there is an owner already: `shuke staff invite` makes another")
    typer.echo(link)


@app.command()
def sign(
    file: Annotated[str, typer.Argument(help="Body to sign; - for standard input.")],
    secret: Annotated[
        str, typer.Option(envvar="WEBHOOK_SECRET", help="The connection's secret (whsec_…).")
    ],
    delivery: Annotated[
        str | None, typer.Option("--id", help="webhook-id; default: a new one.")
    ] = None,
) -> None:
    """Print the headers that sign a body, as arguments for curl's -H @-.

    Example: shuke keys sign order.json --secret whsec_… | curl -H @- --data-binary @order.json URL
    """
    raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    identity = delivery or f"msg_{secrets.token_hex(12)}"
    now = system()
    typer.echo("content-type: application/json")
    typer.echo(f"webhook-id: {identity}")
    typer.echo(f"webhook-timestamp: {int(now.timestamp())}")
    typer.echo(f"webhook-signature: {standard_webhooks.sign(secret, identity, now, raw)}")


@app.command("list")
def list_(
    context: typer.Context,
    program: Annotated[str | None, typer.Option(help="Only of this program.")] = None,
    as_json: AsJson = False,
) -> None:
    """List API keys, without their texts.

    Example: shuke keys list --program prg_…
    """

    async def work(database: Database) -> list[dict[str, Any]]:
        found = []
        for each, row in await _keys(database):
            if program in {None, each.text_id}:
                found.append({"program_id": each.text_id} | key_line(row))
        return found

    heads = ("key_id", "expires_at", "revoked_at", "last_used_at", "name")
    tell_all(at_gateway(context.obj, work), heads, "no keys", as_json=as_json)


@app.command()
def create(  # noqa: PLR0913, PLR0917 - the options of a command
    context: typer.Context,
    program: Annotated[str, typer.Argument(metavar="PROGRAM", help="Its program (prg_…).")],
    permission: Annotated[
        list[str], typer.Option(help="What it may, e.g. points.read; may be given again.")
    ],
    name: Annotated[str, typer.Option(help="A name for people.")],
    store: Annotated[
        list[str] | None, typer.Option(help="Only of this store (sto_…); may be given again.")
    ] = None,
    cidr: Annotated[
        list[str] | None, typer.Option(help="Only from this network; may be given again.")
    ] = None,
    expires_days: Annotated[int, typer.Option(min=1, max=365, help="It ends after so long.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make an API key. Prints its text, which is shown this once.

    Example: shuke keys create prg_… --name till --permission points.read
    """
    config: Config = context.obj
    identity("prg", program)
    given = {"name": name, "permissions": permission, "expires_days": expires_days}
    given |= {"stores": store or ["*"], "cidrs": cidr or []}
    wanted = validated(NewKey, given)

    async def work(database: Database) -> dict[str, Any]:
        managing = Managing(database, KeyRing.open(config.keys_dir))
        return await managing.add_key(program, wanted, operator(context))

    tell(at_gateway(config, work), as_json=as_json)


@app.command()
def renew(
    context: typer.Context,
    key: Key,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=24, help="The old one is taken for so long yet.")
    ] = 24,
    expires_days: Annotated[int, typer.Option(min=1, max=365, help="The new one ends then.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make another key that may do the same. Prints its text, which is shown this once.

    Example: shuke keys renew key_…
    """
    config: Config = context.obj
    found = identity("key", key)
    wanted = validated(RotateKey, {"overlap_hours": overlap_hours, "expires_days": expires_days})

    async def work(database: Database) -> dict[str, Any]:
        program = await _program_of(database, key)
        managing = Managing(database, KeyRing.open(config.keys_dir))
        by = operator(context)
        return await managing.rotate_key(program.text_id, found, wanted, by, _anything)

    tell(at_gateway(config, work), as_json=as_json)


@app.command()
def revoke(context: typer.Context, key: Key) -> None:
    """End an API key; it is refused everywhere within 5 seconds.

    Example: shuke keys revoke key_…
    """
    config: Config = context.obj
    found = identity("key", key)

    async def work(database: Database) -> None:
        program = await _program_of(database, key)
        managing = Managing(database, KeyRing.open(config.keys_dir))
        await managing.revoke_key(program.text_id, found, operator(context))

    at_gateway(config, work)
    typer.echo(f"{key} is revoked")


async def _keys(database: Database) -> list[tuple[Program, Any]]:
    """The API keys of all programs."""
    async with statements(database) as tx:
        known = await programs.load(tx)
    found: list[tuple[Program, Any]] = []
    for each in known.values():
        async with database.reading() as connection:
            rows = await queries.list_keys(Reader(connection, each))
        found += [(each, row) for row in rows]
    return found


async def _program_of(database: Database, key: str) -> Program:
    """The program of a key. Raises Misconfigured."""
    for program, row in await _keys(database):
        if text_id("key", row.key_id) == key:
            return program
    raise Misconfigured(f"no key {key}")


def _anything(_old: Row) -> None:
    """An operator may give whatever a key has."""
