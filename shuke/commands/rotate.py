"""`shuke keys rotate`: newer keys in the place of older ones, while everything goes on."""

import asyncio
from typing import Annotated

import typer

from services.members.profile.keeping import Keeper
from services.members.service import SERVICE as MEMBERS
from shared import boxes, token_keys, wrapping
from shared.clock import system
from shared.config import Config
from shared.db.engine import PATIENT, Database
from shared.sealing import KeyRing
from shared.service import Tasking
from shared.surroundings import Surroundings
from shuke import running

app = typer.Typer(help="Newer keys in the place of older ones.", no_args_is_help=True)


@app.command()
def contact(context: typer.Context) -> None:
    """Make this week's and next week's pair for contacts, destroy those whose time is over.

    The worker of members does so by itself where it may write into the keys' folder.

    Example: shuke keys rotate contact
    """
    config: Config = context.obj
    KeyRing.open(config.keys_dir)
    now = system()
    for week in boxes.prepare(config.keys_dir, now):
        typer.echo(f"made {week}")
    for week in boxes.destroy(config.keys_dir, now):
        typer.echo(f"destroyed {week}")


@app.command()
def token(
    context: typer.Context,
    destroy: Annotated[
        bool, typer.Option("--destroy", help="Destroy the older ones; make none.")
    ] = False,
) -> None:
    """Make a newer key for service tokens: published at once, it signs ten minutes later.

    Twenty minutes after it, --destroy removes the older ones; sooner it does nothing.

    Example: shuke keys rotate token
    """
    config: Config = context.obj
    KeyRing.open(config.keys_dir)
    if not destroy:
        typer.echo(f"made {token_keys.kid(token_keys.add(config.keys_dir))}")
        return
    gone = token_keys.retire(config.keys_dir, system())
    for number in gone:
        typer.echo(f"destroyed {token_keys.kid(number)}")
    if not gone:
        typer.echo("nothing to destroy yet", err=True)


@app.command()
def kek(
    context: typer.Context,
    destroy: Annotated[
        bool, typer.Option("--destroy", help="Destroy the older ones once nothing needs them.")
    ] = False,
) -> None:
    """Make a newer key-encryption key and wrap the keys of all people with it, page by page.

    Nobody waits meanwhile: each key opens with the one that it is wrapped with. Run it again if it
    was interrupted; it goes on where keys are wrapped with older ones.

    Example: shuke keys rotate kek
    """
    config: Config = context.obj
    ring = KeyRing.open(config.keys_dir)
    with running.with_database(config) as ready:
        anew, left = asyncio.run(_wrap_anew(ready, ring))
    newest = wrapping.numbers(ring.folder)[-1]
    typer.echo(f"kek.{newest}.key is in use; {anew} keys are wrapped with it anew")
    if left:
        typer.echo(f"{left} keys could not be wrapped anew: the older files stay", err=True)
        raise typer.Exit(1)
    older = [number for number in wrapping.numbers(ring.folder) if number < newest]
    for number in older:
        if destroy:
            wrapping.destroy(ring.folder, number)
            typer.echo(f"destroyed kek.{number}.key")
        else:
            typer.echo(f"kek.{number}.key is needed by backups alone", err=True)


async def _wrap_anew(config: Config, ring: KeyRing) -> tuple[int, int]:
    """How many keys were wrapped anew, and how many still are with an older one."""
    url = config.database_url_of(MEMBERS.name)
    async with Database(MEMBERS.name, url, worker=True, size=2, also=PATIENT) as database:
        keeper = Keeper(Tasking(config, database, ring, Surroundings()))
        if not await keeper.count_older():  # else a rotation was interrupted, and goes on
            wrapping.make(ring.folder, wrapping.numbers(ring.folder)[-1] + 1)
        before = await keeper.count_older()
        while await keeper.wrap_anew():
            pass
        left = await keeper.count_older()
    return before - left, left
