"""Appending to Kafka: batches that grow only under load, behind a circuit breaker.

A partition has one batch under way at a time; what is appended meanwhile goes into the next. The
library's idempotent producer retries for ever, so that a log that is away would be waited for
without end: when nothing is acknowledged for two seconds while something waits, the breaker opens,
what waits fails, and so does what comes, but for one try a second, as soon as a new producer has
reached the log. The first that is acknowledged closes it. Nobody waits for that producer, since one
that is answered nothing takes its time to fail.
"""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Coroutine, Sequence
from itertools import chain
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from msgspec import Struct

from shared.clock import monotonic
from shared.errors import Unavailable
from shared.stream.port import MAX_RECORD_BYTES, Message, partition_of

QUIET_SECONDS: Final = 2.0
"""Nothing acknowledged for so long while something waits: the log is away."""
APPEND_SECONDS: Final = 10.0
"""How long an append waits while others are acknowledged."""
START_SECONDS: Final = 5.0
PROBE_SECONDS: Final = 1.0
"""How often a log that is away is tried."""
BATCH_BYTES: Final = 256 * 1024
ENVELOPE_BYTES: Final = 64 * 1024
ID: Final = "id"
DIGEST: Final = "digest.v1"
"""Header: the event's digest, by the first way of working it out."""
DIGEST_BYTES: Final = 8

AWAY: Final = (KafkaError, OSError, TimeoutError)


class _Append(Struct):
    """One call that waits until all its messages are acknowledged."""

    places: list[tuple[int, int]]
    left: int
    done: asyncio.Future[None]


class _Lane(Struct):
    """A partition: what waits for its next batch."""

    waiting: deque[tuple[Message, _Append, int]]
    sending: bool = False


class Producer:
    """One process's producer; the library's own is made anew after each outage."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._producer: AIOKafkaProducer | None = None
        self._starting: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._partitions: dict[str, int] = {}
        self._lanes: dict[tuple[str, int], _Lane] = defaultdict(lambda: _Lane(deque()))
        self._acknowledged_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = False
        self._retry_at = 0.0
        self._why: object = "away"

    @property
    def away(self) -> bool:
        """Whether the breaker is open."""
        return self._open

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has; asked of the cluster once, then known."""
        if topic not in self._partitions:
            producer = await self._ready()
            try:
                async with asyncio.timeout(START_SECONDS):
                    found = await producer.partitions_for(topic)
            except AWAY as error:
                raise self._unavailable(error) from error
            self._partitions[topic] = len(found)
        return self._partitions[topic]

    async def append(self, topic: str, messages: Sequence[Message]) -> list[tuple[int, int]]:
        """Partition and offset of each message, acknowledged by all replicas in sync.

        Raises Unavailable when the log is away.
        """
        if not messages:
            return []
        self._admit()
        count = await self.partitions(topic)
        await self._ready()
        done = asyncio.get_running_loop().create_future()
        append = _Append([(-1, -1)] * len(messages), len(messages), done)
        for place, message in enumerate(messages):
            key = (topic, partition_of(message.key, count))
            lane = self._lanes[key]
            lane.waiting.append((message, append, place))
            if not lane.sending:
                lane.sending = True
                self._run(self._drain(key, lane))
        await self._acknowledged(done)
        return append.places

    async def _acknowledged(self, done: asyncio.Future[None]) -> None:
        """Wait for an append; open the breaker when nobody's is acknowledged any more."""
        began = monotonic()
        while not done.done():
            now = monotonic()
            quiet = max(began, self._acknowledged_at) + QUIET_SECONDS - now
            if quiet <= 0:
                self._trip()
                raise self._unavailable("nothing is acknowledged")
            if now - began > APPEND_SECONDS:
                done.cancel()
                raise self._unavailable("one partition acknowledges nothing")
            await asyncio.wait({done}, timeout=quiet)
        try:
            done.result()
        except AWAY as error:
            raise self._unavailable(error) from error
        except asyncio.CancelledError:
            raise self._unavailable("given up") from None

    async def _drain(self, key: tuple[str, int], lane: _Lane) -> None:
        """Send batch after batch while something waits."""
        taken: list[tuple[Message, _Append, int]] = []
        try:
            while lane.waiting:
                producer = await self._ready()
                builder, taken = producer.create_batch(), []
                while lane.waiting and put(builder, lane.waiting[0][0]):
                    taken.append(lane.waiting.popleft())
                sent = await producer.send_batch(builder, key[0], partition=key[1])
                metadata = await sent
                self._acknowledge(key[1], metadata.offset, taken)
        except (*AWAY, Unavailable, asyncio.CancelledError) as error:
            for _, append, _ in (*taken, *lane.waiting):
                if not append.done.done():
                    append.done.set_exception(TimeoutError(str(error) or "no answer"))
                    append.done.exception()  # whoever waited may have left
            lane.waiting.clear()
        finally:
            lane.sending = False

    def _acknowledge(
        self, partition: int, offset: int, taken: Sequence[tuple[Message, _Append, int]]
    ) -> None:
        self._acknowledged_at = monotonic()
        self._open = False
        for number, (_, append, place) in enumerate(taken):
            append.places[place] = (partition, offset + number)
            append.left -= 1
            if append.left == 0 and not append.done.done():
                append.done.set_result(None)

    def _admit(self) -> None:
        """While the breaker is open only one append a second may try, with a producer that is."""
        if self._open:
            if self._producer is None or monotonic() < self._retry_at:
                raise self._unavailable(self._why)
            self._retry_at = monotonic() + PROBE_SECONDS

    async def _ready(self) -> AIOKafkaProducer:
        """The library's producer; the first is waited for."""
        if self._producer is None:
            self._begin()
            assert self._starting is not None
            await asyncio.wait({self._starting}, timeout=QUIET_SECONDS)
            if self._starting.done() and not self._starting.cancelled():
                self._starting.result()
        if self._producer is None:
            self._open = True
            raise self._unavailable(self._why)
        return self._producer

    def _begin(self) -> None:
        """Start a producer, if there is none and nobody is at it."""
        if self._producer is None and (self._starting is None or self._starting.done()):
            self._starting = self._run(self._start())

    async def _start(self) -> None:
        producer = new_producer(self._servers)
        try:
            async with asyncio.timeout(START_SECONDS):
                await producer.start()
        except BaseException as error:
            await discard(producer)
            if not isinstance(error, AWAY):
                raise
            self._why = error
            self._trip()
        else:
            self._producer = producer

    def _trip(self) -> None:
        """Open the breaker: what waits is given up with the producer that holds it."""
        producer, self._producer = self._producer, None
        self._open = True
        self._retry_at = monotonic() + PROBE_SECONDS
        if self._again is not None:
            self._again.cancel()
        self._again = asyncio.get_running_loop().call_later(PROBE_SECONDS, self._begin)
        self._lanes.clear()
        if producer is not None:
            self._run(discard(producer))

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _unavailable(self, why: object) -> Unavailable:
        return Unavailable(f"Kafka at {self._servers}: {why or 'no answer'}")

    async def close(self, timeout_s: float) -> None:
        """Finish what is being appended, in time even when the log is away."""
        for each in (self._again, self._starting):
            if each is not None:
                each.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout_s)
        producer, self._producer = self._producer, None
        if producer is not None:
            await discard(producer)
        for task in self._tasks:
            task.cancel()


def put(builder: Any, message: Message, at_ms: int | None = None) -> bool:  # noqa: ANN401 - the library's builder
    """Add a message to a batch, unless it is full; `at_ms` is when it was appended, if not now."""
    headers = [(ID, message.id.bytes)]
    if message.digest is not None:
        headers.append((DIGEST, message.digest.to_bytes(DIGEST_BYTES, signed=True)))
    added = builder.append(
        timestamp=at_ms, key=message.key.encode(), value=message.value, headers=headers
    )
    return added is not None


def new_producer(servers: str) -> AIOKafkaProducer:
    """The library's producer with our settings, not started."""
    return AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",  # default 1: a broker lost with the only copy
        enable_idempotence=True,  # default off: a retry could reorder a key
        linger_ms=0,  # batches are made here, whole
        max_batch_size=BATCH_BYTES,  # default 16 KiB: small batches cap throughput
        max_request_size=MAX_RECORD_BYTES + ENVELOPE_BYTES,
        request_timeout_ms=10_000,  # default 40 s
        metadata_max_age_ms=30_000,
    )


async def discard(producer: AIOKafkaProducer) -> None:
    """Close a producer and give up what it could not send, which its own `stop` waits for."""
    sender = producer._sender  # noqa: SLF001
    if sender is not None and sender.sender_task is not None:
        sender.sender_task.cancel()
    batches = producer._message_accumulator._pending_batches  # noqa: SLF001
    batches |= {*chain(*producer._message_accumulator._batches.values())}  # noqa: SLF001
    for batch in batches:
        batch.future.cancel()
    with contextlib.suppress(*AWAY, asyncio.CancelledError):
        async with asyncio.timeout(START_SECONDS):
            await producer.stop()
    with contextlib.suppress(*AWAY):
        await producer.client.close()  # where `stop` did not come so far
