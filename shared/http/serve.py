"""Serving an app with uvicorn inside a process that has other work, until told to stop."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from shared.errors import Misconfigured

GRACEFUL_SECONDS: Final = 8


class _Server(uvicorn.Server):
    """Leaves the signals to the process: one handler stops all that runs in it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start. The collector leaves alone from then on what was made until now.

        Routes and models are a few hundred thousand objects that stay: going through them takes
        as long as a dozen requests, all of which would wait.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises Misconfigured when somebody else has the port: no start."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise Misconfigured(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return found


async def serve(app: Any, sock: socket.socket, stopping: asyncio.Event) -> None:
    """Serve until `stopping` is set, then let requests finish for up to 8 s."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        server_header=False,
        date_header=False,
        backlog=2048,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[sock]))
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if hasattr(app, "state"):
            app.state.draining = True
        server.should_exit = True
        await running
    finally:
        waiting.cancel()
    if not server.started:
        raise Misconfigured("the app did not start; the reason is above")
