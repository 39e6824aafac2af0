"""The gateway's worker as it runs: it reads every topic, and sends over a real connection."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from services.gateway.outbound.managing import Endpoints
from services.gateway.outbound.rules.forwarding import TYPES
from services.gateway.outbound.schemas import NewEndpoint
from services.gateway.programs.managing import Programs
from services.gateway.programs.schemas import NewProgram
from shared.config import Config
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.events.catalogue import topics
from shared.events.golden import example
from shared.programs import Program
from shared.sealing import KeyRing
from shared.stream.factory import open_stream
from shared.stream.port import Message, Stream
from shared.worker import run_worker
from shuke.services import SERVICES
from tests.builders.actors import an_actor
from tests.flow.gateway.receiver import Got, Receiver, receiver

GATEWAY = SERVICES["gateway"]
SECONDS = 40.0


@asynccontextmanager
async def working(config: Config, keys: KeyRing, stream: Stream) -> AsyncIterator[None]:
    """A worker of the gateway for as long as the block."""
    threshold, stopping = gc.get_threshold(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(run_worker(GATEWAY, config, stream, keys, stopping))
        try:
            yield
        finally:
            stopping.set()
    gc.set_threshold(*threshold)
    gc.unfreeze()


async def a_program(url: str, keys: KeyRing) -> Program:
    """A program that the gateway made."""
    async with Database("gateway", url, worker=True, size=2) as database:
        wanted = NewProgram(name="Demo", time_zone="Asia/Shanghai", currency="CNY")
        made, _ = await Programs(database, keys).add_program(wanted, an_actor())
        async with statements(database) as tx:
            return (await programs.load(tx))[made]


async def until(to: Receiver, count: int) -> None:
    """Wait for so many requests."""
    async with asyncio.timeout(SECONDS):
        while len(to.taken) < count:
            await asyncio.sleep(0.05)


def told(got: Got) -> str:
    """The short type of an event that came."""
    name: str = json.loads(got.body)["type"].split(".")[1]
    return name


@pytest.mark.timeout(120)
async def test_an_endpoint_hears_every_type_there_is_as_it_lies_on_the_log(
    fresh_database: str, tmp_path: Path
) -> None:
    """Programs too, of which the gateway itself tells; verified by the specification's package."""
    keys = KeyRing.create(tmp_path / "keys")
    config = Config.from_environment({
        "DATABASE_URL": fresh_database,
        "SHUKE_DATA_DIR": str(tmp_path),
        "SHUKE_PROFILE": "test",
        "SHUKE_ENDPOINT_NETWORKS": "127.0.0.0/8",
    })
    program = await a_program(fresh_database, keys)
    async with receiver() as to, open_stream(config) as stream:
        await stream.create(list(topics()))
        async with Database("gateway", fresh_database, worker=True, size=2) as database:
            endpoints = Endpoints(database, keys, config.networks)
            wanted = NewEndpoint(url=f"http://127.0.0.1:{to.port}/")
            _, _, secret = await endpoints.add(program, wanted, an_actor())
        raws = {}
        for line in TYPES.values():
            event = example(line) | {"programid": program.text_id}
            raws[line.name] = raw = json.dumps(event, indent=1).encode()
            key = f"{program.text_id}/{event['partitionkey']}"
            await stream.append(line.topic, [Message(key, event["id"], raw)])
        async with working(config, keys, stream):
            await until(to, len(raws) + 1)
    assert {told(got) for got in to.taken} == set(TYPES)
    assert {got.body for got in to.taken} >= set(raws.values())
    own = [got for got in to.taken if got.body not in set(raws.values())]
    assert [told(got) for got in own] == ["program-changed"]
    assert len({got.id for got in to.taken}) == len(to.taken)
    for got in to.taken:
        Webhook(secret).verify(got.body, dict(got.headers))
