"""`shuke migrate`: all schemas to their newest form."""

import asyncio

import typer

from shared.config import Config
from shared.sealing import KeyRing
from shuke import running
from shuke.services import SERVICES


def migrate(context: typer.Context) -> None:
    """Bring the schemas of all services to their newest form, and make missing keys.

    Example: DATABASE_URL=postgresql://… shuke migrate
    """
    config: Config = context.obj
    KeyRing.create(config.keys_dir)
    with running.with_database(config) as ready:
        changed = asyncio.run(running.migrate_all(list(SERVICES.values()), ready))
    typer.echo(f"changed: {', '.join(changed)}" if changed else "everything is current", err=True)
