"""What the processes run: APIs, workers, or both, until a signal; and the checks before."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from shared.api import build_app
from shared.config import Config
from shared.db import migrate
from shared.errors import Misconfigured
from shared.events.catalogue import topics
from shared.http.serve import listen, serve
from shared.logs import set_up
from shared.memory import tidy
from shared.sealing import KeyRing
from shared.service import Service
from shared.stream.factory import open_stream
from shared.stream.schema import LOG
from shared.worker import run_worker
from shuke import embedded

LOOPBACK: Final = "127.0.0.1"


def run(main: Callable[[asyncio.Event], Awaitable[None]], config: Config) -> None:
    """Run until done, SIGTERM or SIGINT; `main` gets the event that tells it to stop."""
    set_up(config.log_level)

    async def until_signal() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        tidying = asyncio.create_task(tidy(stopping))
        try:
            await main(stopping)
        finally:
            tidying.cancel()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(until_signal())


def _loop_factory() -> Any:  # noqa: ANN401 - uvloop where it exists
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def run_apis(
    services: Sequence[Service], config: Config, stopping: asyncio.Event, host: str | None = None
) -> None:
    """Serve the APIs of some services, each on its port. A port in use: no start.

    Only the gateway listens beyond loopback, and only with SHUKE_HOST; a service that runs alone
    listens where `host` says.
    """
    sockets = [
        listen(
            host or (config.host if service.name == "gateway" else LOOPBACK),
            config.port_of(service.name),
        )
        for service in services
    ]
    async with asyncio.TaskGroup() as group:
        for service, sock in zip(services, sockets, strict=True):
            group.create_task(serve(build_app(service, config), sock, stopping))


async def run_workers(
    services: Sequence[Service], config: Config, stopping: asyncio.Event, host: str | None = None
) -> None:
    """Run the workers of some services on one connection to the log."""
    keys = KeyRing.open(config.keys_dir)
    sockets = [listen(host or LOOPBACK, metrics_port(config, service)) for service in services]
    async with open_stream(config) as stream, asyncio.TaskGroup() as group:
        for service, sock in zip(services, sockets, strict=True):
            group.create_task(run_worker(service, config, stream, keys, stopping, sock))


def metrics_port(config: Config, service: Service) -> int:
    """Port of a worker's metrics: members first, the gateway's worker last."""
    order = ("members", "points", "campaigns", "analytics", "gateway")
    return config.metrics_port + order.index(service.name)


@contextmanager
def with_database(config: Config) -> Iterator[Config]:
    """The config with a database: the one given, else the embedded one, started if need be."""
    if config.database_url is not None or config.database_urls:
        yield config
        return
    with embedded.server(config.data_dir / "pg") as url:
        yield config.model_copy(update={"database_url": url})


async def prepare(services: Sequence[Service], config: Config) -> list[str]:
    """Keys, schemas and topics: what must be there before anything starts. What was made."""
    made = []
    if not config.keys_dir.exists():
        made.append("keys")
    KeyRing.create(config.keys_dir)
    made += await migrate_all(services, config)
    async with open_stream(config) as stream:
        made += await stream.create(list(topics()))
    return made


async def migrate_all(services: Sequence[Service], config: Config) -> list[str]:
    """Bring all schemas to their newest migration; names of those that changed."""
    changed = []
    for service in services:
        url = config.database_url_of(service.name)
        changed += await migrate.upgrade(url, [service.schema])
    if config.kafka is None:
        changed += await migrate.upgrade(config.database_url_of(LOG.name), [LOG])
    return changed


def require_database(config: Config) -> None:
    """Raise Misconfigured where a process of a cluster has no database of its own."""
    if config.database_url is None and not config.database_urls:
        raise Misconfigured("set DATABASE_URL: the embedded database belongs to `shuke up` alone")
