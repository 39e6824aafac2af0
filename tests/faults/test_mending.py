"""What is mended in the library that reads and writes Kafka, each seen with the library itself."""

import asyncio
import contextlib
from uuid import UUID

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ListGroupsRequest

from shared.errors import Unavailable
from shared.stream.kafka import mending
from shared.stream.kafka.stream import KafkaStream
from shared.stream.port import Message
from tests.bench import place
from tests.faults.ground import Ground

pytestmark = pytest.mark.timeout(300)
SECONDS = 10.0
APPEND_SECONDS = 60.0


def test_a_request_on_a_connection_that_was_just_cut_says_that_it_is_broken(
    ground: Ground,
) -> None:
    """On uvloop the write itself fails, in a way that ends for good whatever wrote."""
    host, _, port = ground.broker.address.partition(":")

    async def send_on_what_was_cut() -> Exception | None:
        """Send when the connection is gone and the library has not heard of it yet."""
        loop = asyncio.get_running_loop()
        connection = AIOKafkaConnection(host, int(port))
        await connection.connect()
        told: asyncio.Future[Exception | None] = loop.create_future()
        lost = connection._protocol.connection_lost

        def send() -> None:
            try:
                connection.send(ListGroupsRequest())
            except Exception as error:  # noqa: BLE001 - which one is the question
                told.set_result(error)
            else:
                told.set_result(None)

        def first_send(error: Exception | None) -> None:
            loop.call_soon(send)
            lost(error)

        connection._protocol.connection_lost = first_send
        connection._writer.transport.abort()
        try:
            return await asyncio.wait_for(told, SECONDS)
        finally:
            connection.close()

    assert mending.__name__  # imported, so that it is mended
    assert isinstance(uvloop.run(send_on_what_was_cut()), KafkaConnectionError)


def test_a_producer_that_will_never_send_again_is_given_up_for_a_new_one(ground: Ground) -> None:
    """Its only task ended: nothing is acknowledged, so the breaker opens, and closes again."""
    asyncio.run(place.load(ground.broker.address, "mend.", "storefront", []))

    async def append(stream: KafkaStream, number: int) -> int:
        """The offset of a record, however often it has to be sent."""
        async with asyncio.timeout(APPEND_SECONDS):
            while True:
                with contextlib.suppress(Unavailable):
                    message = Message("key", UUID(int=number), str(number).encode())
                    ((_, offset),) = await stream.append("storefront", [message])
                    return offset
                await asyncio.sleep(0.1)

    async def append_twice() -> tuple[int, int]:
        stream = KafkaStream(ground.broker.address, "mend.")
        try:
            first = await append(stream, 1)
            producer = stream._producer._producer
            assert producer is not None
            producer._sender.sender_task.cancel()
            await asyncio.wait({producer._sender.sender_task}, timeout=SECONDS)
            second = await append(stream, 2)
            assert stream._producer._producer is not producer
            return first, second
        finally:
            await stream.close(5.0)

    first, second = asyncio.run(append_twice())
    assert second == first + 1
