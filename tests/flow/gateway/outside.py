"""The gateway with an endpoint outside: events in, requests out, on a clock moved by hand."""

import ipaddress
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from services.gateway.outbound.connecting import Connecting, Limits
from services.gateway.outbound.managing import Endpoints
from services.gateway.outbound.schemas import NewEndpoint
from services.gateway.outbound.sending import Sender
from shared.events.envelope import Event
from shared.sealing import KeyRing
from shared.surroundings import Surroundings
from shuke.services import SERVICES
from tests.builders.actors import an_actor
from tests.builders.events import instant
from tests.builders.storefront import an_order
from tests.flow.gateway.receiver import Receiver, Watch, receiver
from tests.flow.harness import Harness, harness

LOOPBACK: Final = (ipaddress.ip_network("127.0.0.0/8"),)
NOON: Final = instant("2026-03-01 04:00")


class Names:
    """A resolver: what it says, one answer after the other, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Addresses of a host."""
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Outside:
    """A program with one endpoint, whoever sends to it, and the receiver."""

    def __init__(self, told: Harness, keys: KeyRing, to: Receiver) -> None:
        self.told = told
        self.to = to
        self.watch = Watch()
        self.around = Surroundings(clock=self.watch)
        self.endpoints = Endpoints(told.database, keys, LOOPBACK)
        self.endpoint_id = UUID(int=0)
        self.secret = ""
        self._orders = 0
        self._keys = keys
        self.sender = self.another()

    def another(
        self, names: Names | None = None, limits: Limits | None = None, **trust: Any
    ) -> Sender:
        """Another worker's sender."""
        connecting = Connecting(
            LOOPBACK,
            resolve=names or Names(["127.0.0.1"]),
            limits=limits or Limits(),
            **trust,
        )
        return Sender(self.told.database, self._keys, self.around, connecting)

    async def add(self, **wanted: Any) -> UUID:
        """Make an endpoint."""
        body = NewEndpoint.model_validate({"url": self.to.url} | wanted)
        made = await self.endpoints.add(self.told.program, body, an_actor(self.watch.now))
        self.endpoint_id, _, self.secret = made
        return self.endpoint_id

    async def orders(self, count: int, *, first: int | None = None, **order: Any) -> list[Event]:
        """So many orders come over the log, in one batch; other ones each time."""
        start = self._orders if first is None else first
        self._orders = max(self._orders, start + count)
        program = self.told.program.text_id
        events = [
            an_order(program, no=f"A-{number}", at=NOON + timedelta(seconds=number), **order)
            for number in range(start, start + count)
        ]
        await self.told.apply(*events)
        self.watch.now += timedelta(seconds=1)
        return events

    async def send(self, sender: Sender | None = None) -> int:
        """Send what is due now, and wait for what came of it; the number of attempts."""
        sender = sender or self.sender
        started = await sender.start_due()
        await sender.finish()
        return started

    async def pass_time(self, period: timedelta, step: timedelta) -> int:
        """Let time pass; the number of attempts."""
        until, attempts = self.watch.now + period, 0
        while self.watch.now < until:
            attempts += await self.send()
            self.watch.now += step
        return attempts

    async def messages(self) -> list[dict[str, Any]]:
        """Messages in the order in which they were made."""
        return await self.told.rows("message", "place")

    async def attempts(self) -> list[dict[str, Any]]:
        """Attempts, in order."""
        return await self.told.rows("attempt", "at, message_id, number")

    async def endpoint(self) -> Mapping[str, Any]:
        """The endpoint as it stands."""
        rows = await self.told.rows("endpoint")
        return next(row for row in rows if row["endpoint_id"] == self.endpoint_id)


@asynccontextmanager
async def outside(url: str, folder: Path, **server: Any) -> AsyncIterator[Outside]:
    """A program with a receiver that runs."""
    keys = KeyRing.create(folder / "keys")
    async with harness(SERVICES["gateway"], url) as told, receiver(**server) as to:
        yield Outside(told, keys, to)
