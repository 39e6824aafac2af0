"""`shuke keys`: key files, operator's tokens, API keys, signatures by hand."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.gateway import standard_webhooks
from shared.clock import system
from shared.config import Config
from shared.errors import Misconfigured
from shared.http.tokens import Minter
from shared.sealing import KeyRing
from shuke.operating import at_gateway
from shuke.staffing import first_run

app = typer.Typer(help="Key files, tokens and signatures.", no_args_is_help=True)


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
