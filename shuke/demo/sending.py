"""Signed webhooks over HTTP: many households at once, each household's in the order of time."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import httpx2
from msgspec import Struct

from services.gateway import standard_webhooks
from shared.clock import monotonic, system
from shared.errors import Misconfigured, Unavailable
from shuke.demo.deliveries import Delivery, Plan

LANES: Final = 16
TRIES: Final = 60
"""How often a delivery is tried while the gateway is away or busy; a second apart at most."""


class Taken(Struct):
    """What the gateway said of events in bulk."""

    accepted: int = 0
    duplicates: int = 0
    failed: int = 0
    first_failure: str | None = None


class Sender:
    """Sends to one connection."""

    def __init__(
        self, url: str, connection: str, secret: str, sent: Callable[[], None] = lambda: None
    ) -> None:
        self._path = f"{url}/webhooks/{connection}"
        self._secret = secret
        self._sent = sent

    async def send(self, plan: Plan) -> None:
        """Send all; what is sent again goes after everything else.

        Raises Misconfigured when a delivery is refused, Unavailable when the gateway stays away.
        """
        limits = httpx2.Limits(max_connections=LANES, max_keepalive_connections=LANES)
        async with httpx2.AsyncClient(timeout=30, limits=limits) as client:
            await self._all(client, plan.queues)
            await self._all(client, [[delivery] for delivery in plan.repeated])

    async def send_bulk(
        self,
        batches: Iterable[tuple[Delivery, int]],
        rate: float | None,
        sent: Callable[[int], None],
    ) -> Taken:
        """Send requests of many events one after the other, at most `rate` events a second.

        Raises as `send` does.
        """
        taken, count, began = Taken(), 0, monotonic()
        async with httpx2.AsyncClient(timeout=60) as client:
            for delivery, events in batches:
                answer = (await self._one(client, delivery, "/bulk")).json()
                taken.accepted += answer["accepted"]
                taken.duplicates += answer["duplicates"]
                taken.failed += len(answer["failed"])
                if answer["failed"] and taken.first_failure is None:
                    taken.first_failure = str(answer["failed"][0])
                count += events
                sent(events)
                if rate is not None:
                    await asyncio.sleep(began + count / rate - monotonic())
        return taken

    async def _all(self, client: httpx2.AsyncClient, queues: Sequence[Sequence[Delivery]]) -> None:
        waiting = deque(queues)

        async def lane() -> None:
            while waiting:
                for delivery in waiting.popleft():
                    await self._one(client, delivery)
                    self._sent()

        async with asyncio.TaskGroup() as group:
            for _ in range(LANES):
                group.create_task(lane())

    async def _one(
        self, client: httpx2.AsyncClient, delivery: Delivery, way: str = ""
    ) -> httpx2.Response:
        for number in range(TRIES):
            answer = await self._try(client, delivery, way)
            if answer is not None and answer.status_code == httpx2.codes.ACCEPTED:
                return answer
            if answer is not None and answer.status_code < httpx2.codes.INTERNAL_SERVER_ERROR:
                raise Misconfigured(
                    f"delivery {delivery.id}: {answer.status_code} {answer.text[:300]}"
                )
            await asyncio.sleep(min(1.0, 0.05 * 2**number))
        raise Unavailable(f"the gateway did not take delivery {delivery.id} in {TRIES} tries")

    async def _try(
        self, client: httpx2.AsyncClient, delivery: Delivery, way: str
    ) -> httpx2.Response | None:
        now = system()
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": standard_webhooks.sign(
                self._secret, delivery.id, now, delivery.body
            ),
        }
        try:
            return await client.post(self._path + way, content=delivery.body, headers=headers)
        except httpx2.TransportError:
            return None
