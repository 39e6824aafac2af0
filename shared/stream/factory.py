"""Which log a process uses: Kafka when its address is configured, else the one in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.config import Config
from shared.db.engine import Database
from shared.stream.kafka.stream import KafkaStream
from shared.stream.port import Stream
from shared.stream.postgres.stream import SCHEMA, PostgresStream

_CLOSE_SECONDS = 3.0


@asynccontextmanager
async def open_stream(config: Config) -> AsyncIterator[Stream]:
    """The log of this process, closed in order at the end."""
    if config.kafka:
        kafka = KafkaStream(config.kafka, config.topic_prefix)
        try:
            yield kafka
        finally:
            await kafka.close(_CLOSE_SECONDS)
        return
    async with Database(SCHEMA, config.database_url_of(SCHEMA), worker=True) as database:
        stream = PostgresStream(database)
        try:
            yield stream
        finally:
            await stream.close(_CLOSE_SECONDS)
