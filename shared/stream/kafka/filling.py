"""Putting records of another log into empty partitions, each at the offset that it has there.

A partition of Kafka begins at 0. Where the other log begins later, the places before are filled
with empty records, and those deleted: then it begins where the other does.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from shared.errors import Misconfigured, Unavailable
from shared.stream.kafka.producing import AWAY, discard, new_producer, put
from shared.stream.port import Message, Partition

FILLER: Final = Message("", UUID(int=0), b"")
"""Stands in a place that is deleted before anybody reads it."""


class Filling:
    """Appends to partitions that nobody else appends to."""

    def __init__(self, producer: AIOKafkaProducer, admin: AIOKafkaAdminClient, prefix: str) -> None:
        self._producer = producer
        self._admin = admin
        self._prefix = prefix

    async def append(
        self, partition: Partition, at: int, records: Sequence[tuple[Message, int]]
    ) -> None:
        """Append messages, each with its milliseconds, so that the first has the offset `at`.

        One batch is under way at a time. Raises Unavailable when it is not acknowledged: whether
        it was taken, the partition's end tells. Raises Misconfigured when it came elsewhere.
        """
        topic, number = partition
        left = list(records)
        while left:
            builder = self._producer.create_batch()
            count = 0
            while count < len(left) and put(builder, *left[count]):
                count += 1
            assert count, "a message is larger than a batch"
            try:
                sent = await self._producer.send_batch(
                    builder, self._prefix + topic, partition=number
                )
                offset = (await sent).offset
            except AWAY as error:
                raise Unavailable(f"Kafka: {error}") from error
            if offset != at:
                raise Misconfigured(
                    f"{topic}/{number}: what should be at offset {at} is at {offset}: somebody "
                    "else appends to the topics; copy to others (SHUKE_TOPIC_PREFIX)"
                )
            at += count
            del left[:count]

    async def begin_at(self, partition: Partition, offset: int) -> None:
        """Let a partition begin at an offset: what is before is deleted."""
        key = TopicPartition(self._prefix + partition[0], partition[1])
        try:
            await self._admin.delete_records({key: RecordsToDelete(before_offset=offset)})
        except AWAY as error:
            raise Unavailable(f"Kafka: {error}") from error


@asynccontextmanager
async def filling(servers: str, prefix: str) -> AsyncIterator[Filling]:
    """Open a producer and what deletes. Raises Unavailable when Kafka is away."""
    producer, admin = new_producer(servers), AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await producer.start()
        await admin.start()
        yield Filling(producer, admin, prefix)
    except AWAY as error:
        raise Unavailable(f"Kafka at {servers}: {error}") from error
    finally:
        await discard(producer)
        await admin.close()
