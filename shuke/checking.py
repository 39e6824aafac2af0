"""Checks across services: who is behind, what every service holds, whether it is right."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Self

from msgspec import Struct

from shared.config import Config
from shared.db import programs, verification
from shared.db.engine import Database
from shared.db.transaction import statements, transaction
from shared.errors import Unavailable
from shared.http.reading import Reader
from shared.pipeline import topics_in_order
from shared.service import Service, Violation
from shared.stream.factory import open_stream
from shared.stream.port import Stream
from shared.verify import Verdict, verify, verify_audit

V12: Final = "V12 the services' totals agree"


class Backlog(Struct, frozen=True):
    """What a service has yet to do."""

    records: int
    bundles: int

    @property
    def empty(self) -> bool:
        """Nothing to read, nothing to send."""
        return self.records == 0 and self.bundles == 0


class Look:
    """Open databases of services and the log, to look at them."""

    def __init__(self, services: Sequence[Service], config: Config) -> None:
        self._services = services
        self._config = config
        self._stack = AsyncExitStack()
        self.databases: dict[str, Database] = {}
        self.stream: Stream | None = None

    async def __aenter__(self) -> Self:
        """Open."""
        self.stream = await self._stack.enter_async_context(open_stream(self._config))
        for service in self._services:
            url = self._config.database_url_of(service.name)
            database = Database(service.name, url, worker=True, size=2)
            self.databases[service.name] = await self._stack.enter_async_context(database)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self._stack.aclose()

    async def backlog(self) -> dict[str, Backlog]:
        """What each service has yet to read and to send."""
        found = {}
        for service in self._services:
            database = self.databases[service.name]
            async with statements(database) as tx:
                bundles = await tx.fetch_one("select count(*) from outbox")
                rows = await tx.fetch("select topic, partition, next_offset from consumer_offset")
            assert bundles is not None
            positions = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            ends = await self._ends(service)
            behind = sum(max(0, end - positions.get(key, 0)) for key, end in ends.items())
            found[service.name] = Backlog(behind, bundles[0])
        return found

    async def _ends(self, service: Service) -> Mapping[tuple[str, int], int]:
        if service.flow is None:
            return {}
        assert self.stream is not None
        subscription = await self.stream.subscribe(None, topics_in_order(service), "", lambda: None)
        try:
            return await subscription.end_of(subscription.assigned())
        finally:
            await subscription.close(2.0)

    async def until_quiet(self, seconds: float) -> None:
        """Wait until nobody has anything left. Raises Unavailable when that takes too long."""
        try:
            async with asyncio.timeout(seconds):
                quiet = 0
                while quiet < 2:  # noqa: PLR2004 - seen twice: nothing was between two services
                    quiet = (
                        quiet + 1 if all(b.empty for b in (await self.backlog()).values()) else 0
                    )
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise Unavailable(
                f"still working after {seconds:.0f} s: {await self.backlog()}"
            ) from error

    async def totals(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By program and service, the figures that services share."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for service in self._services:
            if service.totals is None:
                continue
            database = self.databases[service.name]
            async with statements(database) as tx:
                known = programs.present(await programs.load(tx))
            for text, program in known.items():
                async with database.reading() as connection:
                    figures = await service.totals(Reader(connection, program))
                found.setdefault(text, {})[service.name] = figures
        return found

    async def verify(self, only: str | None = None) -> list[Verdict]:
        """All invariants of all services; totals only where nobody is behind."""
        verdicts: list[Verdict] = []
        for service in self._services:
            verdicts += await verify(service, self.databases[service.name], only)
        if only is None:
            verdicts += await self.verify_audit()
        backlog = await self.backlog()
        if all(each.empty for each in backlog.values()):
            verdicts.append(Verdict("all", V12, disagreements(await self.totals(), only)))
        return verdicts

    async def verify_audit(self) -> list[Verdict]:
        """The chain over the audit of each service, which is of all programs."""
        return [
            await verify_audit(service, self.databases[service.name], self._config.data_dir)
            for service in self._services
        ]

    async def keep(self, verdicts: Sequence[Verdict]) -> None:
        """Keep what was found over all programs, for the gauge of the services' workers.

        Totals that disagree are every service's that told one of them.
        """
        for service in self._services:
            names = {service.name, "all"} if service.totals is not None else {service.name}
            counts = {
                each.invariant: len(each.violations) for each in verdicts if each.service in names
            }
            async with transaction(self.databases[service.name]) as tx:
                await verification.record(tx, counts)


def disagreements(
    totals: Mapping[str, Mapping[str, Mapping[str, Any]]], only: str | None
) -> list[Violation]:
    """Keys that two services hold with different figures."""
    found = []
    for program, by_service in sorted(totals.items()):
        if only not in {None, program}:
            continue
        keys = {key for figures in by_service.values() for key in figures}
        for key in sorted(keys):
            held = {name: f[key] for name, f in by_service.items() if key in f}
            if any(figure != next(iter(held.values())) for figure in held.values()):
                found.append(Violation(V12, {"program": program, "key": key}, "one figure", held))
    return found
