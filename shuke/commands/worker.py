"""`shuke worker`: the worker of a service, or of several, in this process."""

from typing import Annotated

import typer

from shared.config import Config
from shuke import running
from shuke.commands.api import Names
from shuke.services import chosen


def worker(
    context: typer.Context,
    names: Names,
    listen: Annotated[
        str | None, typer.Option("--listen", help="Address of the metrics, instead of loopback.")
    ] = None,
) -> None:
    """Run the worker of a service until SIGTERM: events in, events out, sweeps.

    Example: shuke worker points
    """
    config: Config = context.obj
    running.require_database(config)
    services = chosen(names)
    running.run(lambda stopping: running.run_workers(services, config, stopping, listen), config)
