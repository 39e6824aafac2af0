"""What the size of a batch does: rates of 500 and 2,000, statements of 1, 500 and 2,000."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

from shared.clock import monotonic
from shared.events import codec
from shared.events.envelope import Event
from shared.stream.port import Message
from shuke.services import SERVICES
from tests.backing import postgres
from tests.bench import workload
from tests.bench.place import READERS
from tests.flow.harness import Harness, harness

SMALL, LARGE = 500, 2_000
_TOLD: Final = {"members": (), "points": ("members",), "campaigns": (), "analytics": ()}
"""Topics beside `storefront` that a service has read before, so that orders take effect."""


class Batches:
    """Batches of one service, on a database of its own, alternating in size."""

    def __init__(self, told: Harness, orders: Iterator[Event]) -> None:
        self._told = told
        self._orders = orders

    async def rate(self, size: int) -> float:
        """Records a second of one batch."""
        part = [next(self._orders) for _ in range(size)]
        began = monotonic()
        await self._told.apply(*part)
        return size / (monotonic() - began)

    async def statements(self, size: int) -> int:
        """Statements of one batch."""
        await self.rate(size)
        return self._told.statements


async def batches(server: str, template: str, rounds: int) -> dict[str, Any]:
    """`batch_2000_over_500` of points and the statements of every service.

    `template` is a database in which every service knows the program.
    """
    found: dict[str, Any] = {f"statements_per_batch_at_{n}": {} for n in (1, SMALL, LARGE)}
    for name in READERS:
        url = await postgres.make(server, postgres.name_of(template))
        async with harness(SERVICES[name], url, program=workload.PROGRAM) as told:
            await _prepare(told, name)
            measured = Batches(told, _orders())
            rates: dict[int, list[float]] = {SMALL: [], LARGE: []}
            for _ in range(rounds if name == "points" else 1):
                rates[LARGE].append(await measured.rate(LARGE))
                rates[SMALL] += [await measured.rate(SMALL) for _ in range(LARGE // SMALL)]
            if name == "points":
                found["batch_2000_over_500"] = median(rates[LARGE]) / median(rates[SMALL])
            for size in (1, SMALL, LARGE):
                key = f"statements_per_batch_at_{size}"
                found[key][name] = await measured.statements(size)
        await postgres.drop(server, url)
    return found


def _orders() -> Iterator[Event]:
    now = datetime.now(UTC)
    return (_event(told, now) for told in workload.history(400_000, now).messages())


def _event(told: Message, now: datetime) -> Event:
    event = codec.decode(told.value, now)
    assert event is not None
    return event


async def _prepare(told: Harness, name: str) -> None:
    now = datetime.now(UTC)
    if "members" in _TOLD[name]:
        links: Sequence[Event] = [_event(each, now) for each in workload.memberships()]
        for place in range(0, len(links), LARGE):
            await told.apply(*links[place : place + LARGE])
