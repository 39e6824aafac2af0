"""`shuke keys rotate index`: a newer key for hashes of phones and e-mails takes over."""

from typing import Annotated, Final

import typer
from msgspec import Struct

from services.gateway.service import SERVICE as GATEWAY
from services.gateway.shoppers.store import end_sessions_unlike
from services.gateway.staff.store import count_recovery_codes_unlike
from services.members.rehashing import Rehasher
from services.members.service import SERVICE as MEMBERS
from shared import index_keys
from shared.audit.deeds import Actor
from shared.clock import system
from shared.config import Config
from shared.db.transaction import statements, transaction
from shared.errors import Unavailable
from shared.sealing import KeyRing
from shuke.checking import Look
from shuke.operating import operate, operator

FAILED: Final = 1


class _Left(Struct, frozen=True):
    """What is known under older keys alone."""

    identities: int
    recovery_codes: int

    def __str__(self) -> str:
        return (
            f"{self.identities} phones and e-mails, {self.recovery_codes} recovery codes of staff"
        )


def index(
    context: typer.Context,
    finish: Annotated[
        bool, typer.Option("--finish", help="Destroy the older ones once nothing needs them.")
    ] = False,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget", help="With --finish: what the older ones alone find is not found."
        ),
    ] = False,
) -> None:
    """Make a newer key for hashes of phones and e-mails; everybody is found by the older ones, too.

    What members can open is hashed with it at once. A minute later --finish does so with what has
    come since and destroys the older keys, unless something is known under them alone.

    Example: shuke keys rotate index
    """
    config: Config = context.obj
    ring, actor = KeyRing.open(config.keys_dir), operator(context)
    known = index_keys.numbers(ring.folder)
    if finish:
        _finish(config, ring, actor, forget=forget)
        return
    if len(known) == 1:
        index_keys.make(ring.folder, known[-1] + 1)
        ring = KeyRing.open(ring.folder)
    found, left = operate(config, [MEMBERS, GATEWAY], lambda look: _rehash(look, ring, actor))
    typer.echo(f"index.v{ring.newest_index}.key is in use; {found} identities are found by it")
    typer.echo(f"under older keys alone: {left}")


def _finish(config: Config, ring: KeyRing, actor: Actor, *, forget: bool) -> None:
    """Destroy the older keys, or say why not."""
    if len(index_keys.numbers(ring.folder)) == 1:
        typer.echo("there is no older key", err=True)
        raise typer.Exit(FAILED)
    if not index_keys.settled(ring.folder, system()):
        typer.echo("the newer key is not known to everybody yet: wait a minute", err=True)
        raise typer.Exit(FAILED)

    async def finish(look: Look) -> tuple[_Left, int]:
        await _expect_quiet(look)
        _, left = await _rehash(look, ring, actor)
        if not forget and left != _Left(0, 0):
            return left, 0
        async with transaction(look.databases[GATEWAY.name]) as tx:
            return _Left(0, 0), await end_sessions_unlike(tx, f"v{ring.newest_index}.")

    left, ended = operate(config, [MEMBERS, GATEWAY], finish)
    if left != _Left(0, 0):
        typer.echo(f"under older keys alone: {left}; the older keys stay", err=True)
        raise typer.Exit(FAILED)
    for number in index_keys.retire(ring.folder):
        typer.echo(f"destroyed index.v{number}.key")
    typer.echo(f"{ended} sessions of shoppers ended")


async def _expect_quiet(look: Look) -> None:
    """Raise Unavailable while events are on their way whose hashes are under older keys alone."""
    backlog = await look.backlog()
    waiting = backlog[GATEWAY.name].bundles + backlog[MEMBERS.name].records
    if waiting:
        raise Unavailable(f"members has {waiting} records to read yet: try again when it has")


async def _rehash(look: Look, ring: KeyRing, actor: Actor) -> tuple[int, _Left]:
    """How much was found under the newest key, and what is left."""
    rehasher = Rehasher(look.databases[MEMBERS.name], ring, actor)
    found = await rehasher.run()
    async with statements(look.databases[GATEWAY.name]) as tx:
        codes = await count_recovery_codes_unlike(tx, f"v{ring.newest_index}.")
    return found, _Left(await rehasher.count_older(), codes)
