"""`shuke tail`: what goes over a topic."""

import asyncio
import contextlib
import json
import sys
from typing import Annotated

import typer

from shared.config import Config
from shared.events import catalogue
from shared.logs import set_up
from shared.stream.factory import open_stream
from shared.stream.port import Record
from shuke import running


def tail(
    context: typer.Context,
    topic: Annotated[str, typer.Argument(help="Short name, e.g. points.")],
    from_start: Annotated[
        bool, typer.Option("--from-start", help="From the oldest record on.")
    ] = False,
    most: Annotated[
        int | None, typer.Option("--most", "-n", min=1, help="Stop after so many.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The events themselves, one a line.")
    ] = False,
) -> None:
    """Print events of a topic as they come.

    Example: shuke tail points
    """
    config: Config = context.obj
    known = [each.name for each in catalogue.topics()]
    if topic not in known:
        raise typer.BadParameter(f"no topic {topic}; there are {', '.join(known)}")
    with running.with_database(config) as ready, contextlib.suppress(BrokenPipeError):
        running.run(lambda stop: _tail(ready, topic, stop, most, from_start, as_json), ready)


async def _tail(
    config: Config,
    topic: str,
    stopping: asyncio.Event,
    most: int | None,
    from_start: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    set_up("warning")
    left = most
    async with open_stream(config) as stream:
        subscription = await stream.subscribe(None, [topic], "", lambda: None)
        ends = await subscription.end_of(subscription.assigned())
        for partition in subscription.assigned():
            start = await subscription.start_of(partition) if from_start else ends[partition]
            subscription.seek(partition, start)
        while not stopping.is_set() and left != 0:
            for record in await subscription.poll(left or 500, 500):
                _print(record, as_json=as_json)
                left = None if left is None else left - 1
        await subscription.close(2.0)


def _print(record: Record, *, as_json: bool) -> None:
    if as_json:
        print(record.value.decode("utf-8", "replace"), flush=True)
        return
    try:
        event = json.loads(record.value)
        words = f"{event['time']}  {event['type']:<30} {event['subject']}  "
        words += json.dumps(event["data"], ensure_ascii=False, separators=(",", ":"))
    except (ValueError, KeyError, TypeError):
        words = repr(record.value[:200])
    print(f"{record.partition}/{record.offset}  {words}", flush=True, file=sys.stdout)
