"""Loads: something told at a pace, by a thread of its own, until all of it is acknowledged."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Generic, Self, TypeVar

import httpx2

from services.gateway.standard_webhooks import sign
from shared.clock import system
from shared.errors import Unavailable
from shared.stream.port import Message
from tests.bench.intake import Shop, told
from tests.bench.workload import Sale
from tests.e2e.processes import wait_until
from tests.faults.ground import Site

PART: Final = 50
"""So many go in one append or request."""
AGAIN_SECONDS: Final = 0.2
FINISH_SECONDS: Final = 120.0
DELIVERY_SECONDS: Final = 15.0
ACCEPTED: Final = 202
T = TypeVar("T")


class Load(Generic[T]):
    """Sends items in order. What is not acknowledged is sent again, with the same ids."""

    def __init__(self, items: Iterable[T], per_second: float | None = None) -> None:
        self._items: Iterator[T] = iter(items)
        self._pace = per_second
        self._stopping = threading.Event()
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: BaseException | None = None
        self.acknowledged: list[T] = []
        self.failures = 0
        """Tries that were not acknowledged."""

    def __enter__(self) -> Self:
        """Begin to send."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Send no more."""
        self._stopping.set()
        self._thread.join(FINISH_SECONDS)

    def wait(self, count: int, seconds: float = FINISH_SECONDS) -> None:
        """Wait until so many are acknowledged."""

        def there() -> bool:
            self._check()
            return len(self.acknowledged) >= count

        wait_until(there, seconds, f"{count} acknowledged")

    def enough(self, seconds: float = FINISH_SECONDS) -> list[T]:
        """Begin nothing new; all that was acknowledged, once what was begun is."""
        self._enough.set()
        return self.finish(seconds)

    def finish(self, seconds: float = FINISH_SECONDS) -> list[T]:
        """Send the rest as fast as it goes; all that was acknowledged."""
        self._pace = None
        self._thread.join(seconds)
        self._check()
        assert not self._thread.is_alive(), f"{len(self.acknowledged)} acknowledged, not all"
        return self.acknowledged

    def _check(self) -> None:
        if self._error is not None:
            raise AssertionError("the load failed") from self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:  # noqa: BLE001 - told to the test
            self._error = error

    async def _all(self) -> None:
        await self.begin()
        began, sent = time.monotonic(), 0
        try:
            while not self._ended and (part := list(islice(self._items, PART))):
                await self._until_acknowledged(part)
                sent += len(part)
                if self._pace is not None:
                    await asyncio.sleep(began + sent / self._pace - time.monotonic())
        finally:
            await self.end()

    @property
    def _ended(self) -> bool:
        return self._stopping.is_set() or self._enough.is_set()

    async def _until_acknowledged(self, part: Sequence[T]) -> None:
        while not self._stopping.is_set():
            if await self.send(part):
                self.acknowledged += part
                return
            self.failures += 1
            await asyncio.sleep(AGAIN_SECONDS)

    async def begin(self) -> None:
        """Open what sending needs."""

    async def end(self) -> None:
        """Let go of it."""

    async def send(self, part: Sequence[T]) -> bool:
        """Send a part; whether all of it was acknowledged."""
        raise NotImplementedError


class Appending(Load[Message]):
    """Records onto a topic of a site's log, each part by one append."""

    def __init__(
        self,
        site: Site,
        messages: Iterable[Message],
        per_second: float | None = None,
        topic: str = "storefront",
    ) -> None:
        super().__init__(messages, per_second)
        self._stream = site.stream()
        self._topic = topic

    async def end(self) -> None:
        """Close the producer."""
        await self._stream.close(5.0)

    async def send(self, part: Sequence[Message]) -> bool:
        """Append."""
        try:
            await self._stream.append(self._topic, part)
        except Unavailable:
            return False
        return True


class Delivering(Load[Sale]):
    """Orders as signed webhooks, at most `PART` at once."""

    def __init__(
        self,
        shop: Shop,
        url: str,
        sales: Iterable[Sale],
        per_second: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sales, per_second)
        self._shop = shop
        self._url = url
        self._headers = dict(headers or {})
        self._client = httpx2.AsyncClient(timeout=DELIVERY_SECONDS)
        self.answers: Counter[int] = Counter()
        """Answers by status; 0 for none."""
        self.slowest = 0.0

    async def end(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def send(self, part: Sequence[Sale]) -> bool:
        """Deliver each by a request of its own."""
        statuses = await asyncio.gather(*map(self._deliver, part))
        self.answers.update(statuses)
        return set(statuses) == {ACCEPTED}

    async def _deliver(self, sale: Sale) -> int:
        raw = json.dumps(told(sale)).encode()
        began = time.monotonic()
        try:
            answer = await self._client.post(
                f"{self._url}/webhooks/{self._shop.connection}",
                content=raw,
                headers=signed(self._shop, raw, f"msg_{sale.number}") | self._headers,
            )
        except httpx2.HTTPError:
            return 0
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
        return answer.status_code


def signed(shop: Shop, raw: bytes, identity: str) -> dict[str, str]:
    """Headers of a delivery that is signed now."""
    now = system()
    return {
        "content-type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": sign(shop.secret, identity, now, raw),
    }
