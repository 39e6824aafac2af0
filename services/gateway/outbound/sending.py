"""Sends messages that are due: claims them, makes the requests, keeps what came of each.

Several workers may do so at once. A claim is a lease: what a killed worker had claimed is due again
when it ends. No transaction is open while a request is made.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.gateway.outbound import store
from services.gateway.outbound.connecting import Connecting
from services.gateway.outbound.model import (
    DELIVERED,
    DISABLED,
    EXHAUSTED,
    PENDING,
    STATES,
    Claimed,
    Health,
    Key,
    Result,
)
from services.gateway.outbound.rules.retrying import (
    at_once,
    disabling,
    health_after,
    next_attempt,
)
from services.gateway.outbound.signing import texts
from services.gateway.standard_webhooks import sign, stamp
from shared.db.engine import AWAY, ERRORS, Database
from shared.db.transaction import Row, statements, transaction
from shared.ids import text_id
from shared.logs import logger
from shared.sealing import KeyRing
from shared.service import Tasking
from shared.surroundings import Surroundings, pause
from shared.version import VERSION

LEASE: Final = timedelta(seconds=60)
"""Four times as long as an attempt can take."""
LOOK_SECONDS: Final = 0.5
STOP_SECONDS: Final = 5.0
"""How long a worker that stops waits for answers."""
MOST: Final = 64
"""Messages on their way from one worker."""
MEDIA: Final = "application/cloudevents+json; charset=utf-8"


class Sendable(Struct, frozen=True):
    """A claimed message, with where it goes and who signs it."""

    message: Claimed
    url: str
    secrets: tuple[str, ...]


class Sender:
    """Sends what is due to endpoints."""

    def __init__(
        self, database: Database, keys: KeyRing, around: Surroundings, connecting: Connecting
    ) -> None:
        self._database = database
        self._keys = keys
        self._around = around
        self._connecting = connecting
        self._log = logger("gateway")
        self._under_way: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until told to stop; what is on its way then is waited for a little."""
        try:
            while not stopping.is_set():
                self._ended.clear()
                try:
                    await self.start_due()
                except (*AWAY, *ERRORS, TimeoutError) as error:
                    self._log.warning("messages", error=repr(error)[:300])
                await pause(stopping, LOOK_SECONDS, jitter=0.2, woken=self._ended)
        finally:
            await self.finish(STOP_SECONDS)

    async def finish(self, within: float | None = None) -> None:
        """Wait for what is on its way. What takes longer is cut off: its claim ends in time."""
        if self._under_way:
            _, late = await asyncio.wait(set(self._under_way), timeout=within)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def start_due(self) -> int:
        """Claim what is due and begin to send it; the number of messages."""
        now = self._around.clock()
        async with statements(self._database) as tx:
            keys = await store.list_due(tx, now)
        started = 0
        for key in keys:
            free = MOST - len(self._under_way)
            if free <= 0:
                break
            for each in await self._claim(key, free):
                task = asyncio.create_task(self._send(each))
                self._under_way.add(task)
                task.add_done_callback(self._end)
                started += 1
        return started

    def _end(self, task: asyncio.Task[None]) -> None:
        """Its slot is free. An error that nobody foresaw ends its claim in time, not the worker."""
        self._under_way.discard(task)
        self._ended.set()
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.error("messages", error=repr(error)[:300])

    async def _claim(self, key: Key, most: int) -> list[Sendable]:
        """Messages of an endpoint, as many as may be on their way beside those that are."""
        async with transaction(self._database) as tx:
            now = self._around.clock()
            endpoint = await store.lock_endpoint(tx, key)
            if endpoint is None or not _open(endpoint, now):
                return []
            busy = await store.count_claimed(tx, key, now)
            free = min(most, at_once(_health(endpoint)) - busy)
            if free <= 0:
                return []
            claimed = await store.claim(tx, key, free, now, LEASE, ordered=endpoint["ordered"])
            rows = await store.load_secrets(tx, key, now)
        secrets = self._opened(key[1], rows, now)
        return [Sendable(each, endpoint["url"], secrets) for each in claimed]

    def _opened(self, endpoint_id: UUID, rows: Sequence[Row], now: datetime) -> tuple[str, ...]:
        """The secrets that sign now; none where the key ring does not open them."""
        try:
            return texts(self._keys, endpoint_id, rows, now)
        except ValueError as error:
            endpoint = text_id("ept", endpoint_id)
            self._log.error("messages", endpoint=endpoint, error=str(error))
            return ()

    async def _send(self, each: Sendable) -> None:
        """One attempt, and what came of it. A result that cannot be kept is tried again."""
        at = self._around.clock()
        result = await self._posted(each, at) if each.secrets else Result(error="unsigned")
        try:
            await self._keep(each.message, result, at)
        except (*AWAY, *ERRORS, TimeoutError) as error:
            self._log.warning("messages", error=repr(error)[:300])

    async def _posted(self, each: Sendable, at: datetime) -> Result:
        message = each.message
        identity = text_id("msg", message.message_id)
        headers = {
            "webhook-id": identity,
            "webhook-timestamp": stamp(at),
            "webhook-signature": " ".join(
                sign(secret, identity, at, message.body) for secret in each.secrets
            ),
            "content-type": MEDIA,
            "user-agent": f"shuke/{VERSION}",
            "accept-encoding": "identity",
        }
        return await self._connecting.post(each.url, headers, message.body, at)

    async def _keep(self, message: Claimed, result: Result, at: datetime) -> None:
        key, now = (message.program_id, message.endpoint_id), self._around.clock()
        state, due_at = _becomes(message, result, now)
        reason = None
        async with transaction(self._database) as tx:
            endpoint = await store.lock_endpoint(tx, key)
            if not await store.settle(tx, message, state, due_at):
                return  # the lease ended: somebody else sends it
            await store.add_attempt(tx, message, result, at)
            if endpoint is not None and endpoint["state"] != DISABLED:
                before = _health(endpoint)
                health = health_after(before, result, now)
                reason = disabling(health, result, now)
                if reason is not None:
                    await store.move_endpoint(tx, key, DISABLED, reason)
                elif health != before:
                    await store.set_health(tx, key, health)
        self._tell(message, result, state, reason)

    def _tell(self, message: Claimed, result: Result, state: int, disabled: str | None) -> None:
        metrics, endpoint = self._around.metrics, text_id("ept", message.endpoint_id)
        outcome = "failed" if state == PENDING else STATES[state]
        metrics.count("messages_total", outcome)
        metrics.observe("message_seconds", result.took_ms / 1000)
        if not result.delivered:
            self._log.warning(
                "message",
                endpoint=endpoint,
                reason=result.error,
                status=result.status,
                attempt=message.attempts + 1,
                state=outcome,
            )
        if disabled is not None:
            metrics.count("endpoints_disabled_total")
            self._log.error("endpoint disabled", endpoint=endpoint, reason=disabled)


def _becomes(message: Claimed, result: Result, now: datetime) -> tuple[int, datetime]:
    """State of a message after an attempt, and when the next one is due."""
    if result.delivered:
        return DELIVERED, now
    wait = next_attempt(message.step + 1, message.message_id)
    return (EXHAUSTED, now) if wait is None else (PENDING, now + wait)


def _open(endpoint: Row, now: datetime) -> bool:
    quiet = endpoint["quiet_until"]
    return endpoint["state"] != DISABLED and (quiet is None or quiet <= now)


def _health(endpoint: Row) -> Health:
    return Health(endpoint["failures"], endpoint["failing_since"], endpoint["quiet_until"])


async def send_messages(tasking: Tasking, stopping: asyncio.Event) -> None:
    """The task of the gateway's worker."""
    connecting = Connecting(tasking.config.networks)
    await Sender(tasking.database, tasking.keys, tasking.around, connecting).run(stopping)
