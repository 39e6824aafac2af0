"""`shuke stream`: the event log moved from PostgreSQL to Kafka."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

import typer
from msgspec.structs import asdict

from shared.config import Config
from shared.db.engine import PATIENT, Database, hang_up
from shared.db.locks import lock_key
from shared.db.migrate import head_reached
from shared.errors import Misconfigured, Unavailable
from shared.stream.copying import Copied, copy
from shared.stream.kafka.filling import filling
from shared.stream.kafka.stream import KafkaStream
from shared.stream.postgres import closing
from shared.stream.schema import LOG
from shuke import running

app = typer.Typer(help="Move the event log from PostgreSQL to Kafka.", no_args_is_help=True)


@app.command("copy")
def copy_log(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Close the log in PostgreSQL and copy it to Kafka: same offsets, so that all go on from there.

    What is appended meanwhile waits in outboxes. Broken off, it is continued by the same command.

    Example: KAFKA_BOOTSTRAP_SERVERS=localhost:9092 shuke stream copy
    """
    config: Config = context.obj
    if config.kafka is None:
        raise Misconfigured("set KAFKA_BOOTSTRAP_SERVERS: where the log is copied to")

    with running.with_database(config) as ready:
        done = asyncio.run(_copied(ready, config.kafka, told=not as_json))
    if as_json:
        partitions = [asdict(each) for each in done]
        typer.echo(json.dumps({"records": _records(done), "partitions": partitions}))
        return
    appended = sum(each.appended for each in done)
    typer.echo(
        f"{_records(done)} records are in Kafka, {appended} of them since this run; the log in "
        "PostgreSQL is closed: start everything with KAFKA_BOOTSTRAP_SERVERS"
    )


@app.command()
def reopen(context: typer.Context) -> None:
    """Let the log in PostgreSQL take records again. Only while nothing was started with Kafka.

    Example: shuke stream reopen
    """
    config: Config = context.obj

    async def take(ready: Config) -> None:
        async with _log(ready) as database:
            await closing.reopen(database)

    with running.with_database(config) as ready:
        asyncio.run(take(ready))
    typer.echo("the log in PostgreSQL takes records again")


async def _copied(config: Config, servers: str, *, told: bool) -> list[Copied]:
    done = []
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(_log(config))
        kafka = KafkaStream(servers, config.topic_prefix)
        stack.push_async_callback(kafka.close, 3.0)
        into = await stack.enter_async_context(filling(servers, config.topic_prefix))
        async for each in copy(database, kafka, into):
            done.append(each)
            if told and each.end:
                typer.echo(
                    f"✓ {each.topic}/{each.partition}: {each.start} to {each.end}, "
                    f"{each.found} found, {each.appended} appended"
                )
    return done


@asynccontextmanager
async def _log(config: Config) -> AsyncIterator[Database]:
    """The log in PostgreSQL, for one who copies it."""
    url = config.database_url_of(LOG.name)
    if not await head_reached(url, LOG):
        raise Misconfigured("there is no current log in PostgreSQL: nothing to copy")
    async with Database(LOG.name, url, worker=False, size=3, also=PATIENT) as database:
        session = await database.connect()
        try:
            if not await session.fetchval("select pg_try_advisory_lock($1)", lock_key("copy")):
                raise Unavailable("another copy of the log is under way")
            yield database
        finally:
            await hang_up(session)


def _records(done: list[Copied]) -> int:
    return sum(each.end - each.start for each in done)
