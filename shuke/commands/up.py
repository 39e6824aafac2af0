"""`shuke up`: one box, everything on this machine."""

import asyncio
from typing import Annotated

import typer

from shared.config import Config
from shuke import box, running
from shuke.operating import at_gateway
from shuke.services import SERVICES
from shuke.staffing import first_run


def up(
    context: typer.Context,
    single: Annotated[bool, typer.Option("--single", help="All in one process, to debug.")] = False,
) -> None:
    """Run Shuke on this machine: APIs in one process, workers in another.

    Example: shuke up
    """
    config: Config = context.obj
    services = list(SERVICES.values())
    with running.with_database(config) as ready:
        asyncio.run(running.prepare(services, ready))
        words = [["one-process"]] if single else [["api", "all"], ["worker", "all"]]
        with box.running(ready, words) as processes:
            processes.wait_ready([f"{ready.url_of(name)}/readyz" for name in SERVICES])
            for name in SERVICES:
                typer.echo(f"{name:<10}{ready.url_of(name)}", err=True)
            _tell_owner_link(ready)
            processes.wait()


def _tell_owner_link(config: Config) -> None:
    """Print the link by which the first owner is made, where there is none."""
    link = at_gateway(config, lambda database: first_run(config, database))
    if link is not None:
        words = "Nobody owns this installation yet. Whoever opens this link within 24 hours does:"
        typer.secho(f"\n{words}\n\n  {link}\n", err=True, bold=True)


def one_process(context: typer.Context) -> None:
    """APIs and workers of all services in this process."""
    config: Config = context.obj
    running.require_database(config)
    services = list(SERVICES.values())

    async def both(stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(running.run_apis(services, config, stopping))
            group.create_task(running.run_workers(services, config, stopping))

    running.run(both, config)
