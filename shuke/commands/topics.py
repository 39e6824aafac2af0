"""`shuke topics`: the topics that the catalogue names."""

import asyncio

import typer

from shared.config import Config
from shared.events import catalogue
from shared.stream.factory import open_stream
from shuke import running


def topics(context: typer.Context) -> None:
    """Make the topics that are missing. Refuses to change the partitions of one that is there.

    Example: KAFKA_BOOTSTRAP_SERVERS=localhost:9092 shuke topics
    """
    config: Config = context.obj

    async def create(ready: Config) -> list[str]:
        async with open_stream(ready) as stream:
            return list(await stream.create(list(catalogue.topics())))

    with running.with_database(config) as ready:
        made = asyncio.run(create(ready))
    typer.echo(f"made: {', '.join(made)}" if made else "all topics are there", err=True)
