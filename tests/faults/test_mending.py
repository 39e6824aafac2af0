"""What is mended in the library that reads and writes Kafka, each seen with the library itself."""

import asyncio
from uuid import UUID

import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ListGroupsRequest

from shared.stream.kafka import mending
from shared.stream.kafka.stream import KafkaStream
from shared.stream.port import Message
from tests.bench import place
from tests.faults.ground import Ground

SECONDS = 10.0


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


def test_a_producer_that_will_never_send_again_is_made_anew(ground: Ground) -> None:
    """Its only task ended: what is appended then goes by another, at once."""
    asyncio.run(place.load(ground.broker.address, "mend.", "storefront", []))

    async def append_twice() -> int:
        stream = KafkaStream(ground.broker.address, "mend.")
        try:
            await stream.append("storefront", [Message("key", UUID(int=1), b"1")])
            producer = stream._producer._producer
            assert producer is not None
            producer._sender.sender_task.cancel()
            await asyncio.wait({producer._sender.sender_task}, timeout=SECONDS)
            (second,) = await stream.append("storefront", [Message("key", UUID(int=2), b"2")])
            assert stream._producer._producer is not producer
            return second[1]
        finally:
            await stream.close(5.0)

    assert asyncio.run(append_twice()) == 1
