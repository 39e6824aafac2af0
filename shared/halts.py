"""Partitions that stand still, and how an operator ends that.

| halted | because | goes on |
|---|---|---|
| `gap`, `lost` | records are missing | at an offset that the operator names |
| `replaced`, `corrupt` | the log is another one, or broken | likewise |
| `quarantine-limit` | almost nothing can be read | where it stood |

Past that limit so many records are taken, readable or not, as the operator accepts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from shared.audit.deeds import Actor, Deed, record
from shared.db import positions
from shared.db.engine import Database
from shared.db.positions import Halt, Resumption
from shared.db.transaction import statements, transaction
from shared.errors import HttpProblem
from shared.holding import LIMIT, MEANING
from shared.logs import logger
from shared.stream.port import Partition, Stream

_LOOK_SECONDS: Final = 2.0


class Resumed(Struct, frozen=True):
    """A partition that goes on: why it stood still, where it goes on."""

    halt: Halt
    to_offset: int


def describe(halt: Halt) -> dict[str, Any]:
    """A partition that stands still, as it is told to operators."""
    return {
        "topic": halt.topic,
        "partition": halt.partition,
        "reason": halt.reason,
        "meaning": MEANING.get(halt.reason, halt.reason),
        "next_offset": halt.next_offset,
    }


async def list_halts(database: Database) -> list[Halt]:
    """All partitions of a service that stand still."""
    async with statements(database, wait_seconds=1.0) as tx:
        return await positions.halts(tx)


async def resume(
    database: Database,
    stream: Stream,
    wanted: tuple[str, int | None],
    how: Resumption,
    by: Actor,
) -> Sequence[Resumed]:
    """End the halt of a partition, or of all partitions of a topic, each in a transaction.

    Raises HttpProblem: 409 `not-halted`; 422 `offset-required`, `offset-outside-log`,
    `offset-not-taken`, `accept-not-taken`, `partition-required`.
    """
    topic, partition = wanted
    found = [
        halt
        for halt in await list_halts(database)
        if halt.topic == topic and partition in {None, halt.partition}
    ]
    if not found:
        raise _not_halted(topic, partition)
    if how.at is not None and partition is None:
        raise HttpProblem(
            422, "partition-required", "An offset is of one partition: name the partition."
        )
    for halt in found:
        _check(halt, how)
    if how.at is not None:
        await _check_offset(stream, (topic, found[0].partition), how.at)
    return [await _resume(database, halt, how, by) for halt in found]


async def _resume(database: Database, halt: Halt, how: Resumption, by: Actor) -> Resumed:
    async with transaction(database, wait_seconds=1.0) as tx:
        locked = await positions.find_halt(tx, halt.key)
        if locked != halt:
            raise _not_halted(*halt.key)
        to_offset = await positions.resume(tx, halt, how, by.at)
        place = f"{halt.topic}/{halt.partition}"
        await record(tx, by, Deed("halts.resume", place, reason=how.because))
    logger(database.schema).warning(
        "resumed",
        topic=halt.topic,
        partition=halt.partition,
        offset=to_offset,
        reason=halt.reason,
        detail=f"{how.by_whom}: {how.because}",
    )
    return Resumed(halt, to_offset)


def _not_halted(topic: str, partition: int | None) -> HttpProblem:
    place = topic if partition is None else f"{topic}/{partition}"
    return HttpProblem(409, "not-halted", f"{place} does not stand still.")


def _check(halt: Halt, how: Resumption) -> None:
    place = f"{halt.topic}/{halt.partition} stands still at {halt.next_offset}: {halt.reason}"
    if halt.reason == LIMIT and how.at is not None:
        raise HttpProblem(
            422, "offset-not-taken", f"{place}. It goes on where it stood; say how much to accept."
        )
    if halt.reason != LIMIT and how.at is None:
        raise HttpProblem(422, "offset-required", f"{place}. Say at which offset it is to go on.")
    if halt.reason != LIMIT and how.accept:
        raise HttpProblem(422, "accept-not-taken", f"{place}. There is nothing to accept.")


async def _check_offset(stream: Stream, partition: Partition, offset: int) -> None:
    start, end = await _bounds(stream, partition)
    if not start <= offset <= end:
        raise HttpProblem(
            422,
            "offset-outside-log",
            f"{partition[0]}/{partition[1]} has offsets {start} to {end}, not {offset}.",
        )


async def _bounds(stream: Stream, partition: Partition) -> tuple[int, int]:
    """The lowest offset that the log still has, and the one that its next record will get."""
    subscription = await stream.subscribe(None, [partition[0]], "", lambda: None)
    try:
        ends: Mapping[Partition, int] = await subscription.end_of([partition])
        return await subscription.start_of(partition), ends[partition]
    finally:
        await subscription.close(_LOOK_SECONDS)
