"""`shuke api`: the API of a service, or of several, in this process."""

from typing import Annotated

import typer

from shared.config import Config
from shuke import running
from shuke.services import chosen

Names = Annotated[list[str], typer.Argument(help="Services, or `all`.", metavar="NAME…")]


def api(
    context: typer.Context,
    names: Names,
    listen: Annotated[
        str | None, typer.Option("--listen", help="Address to listen on, instead of loopback.")
    ] = None,
) -> None:
    """Serve the API of a service until SIGTERM.

    Example: shuke api points
    """
    config: Config = context.obj
    running.require_database(config)
    services = chosen(names)
    running.run(lambda stopping: running.run_apis(services, config, stopping, listen), config)
