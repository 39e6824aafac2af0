"""A service's flow on a real database: inputs in, rows and announcements out."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, Final

import asyncpg
import msgspec
from hypothesis import settings

from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.effect import effect
from shared.events.envelope import Announcement
from shared.events.programs.program_changed import ProgramChanged
from shared.flow import Fold, Input
from shared.ids import text_id
from shared.programs import Program
from shared.random_ids import random_id
from shared.service import Service
from shared.verify import verify

HISTORIES: Final = settings(max_examples=max(20, settings().max_examples // 4))
"""For a property over whole histories: an example of it takes as long as dozens of others."""
TRIES: Final = 2
MECHANISM: Final = 2
"""Statements beside those of a service: rules kept from changing meanwhile, what was announced."""


class Harness:
    """One service, one program of its own."""

    def __init__(self, service: Service, database: Database, program: Program) -> None:
        self.service = service
        self.database = database
        self.program = program
        self.announced: list[Announcement] = []
        self.statements = 0

    async def apply(self, *inputs: Input) -> Fold:
        """All inputs in one batch; a failing one fails the test.

        Who comes second at making a row tries again, as the pipeline does.
        """
        for _ in range(TRIES):
            with contextlib.suppress(asyncpg.UniqueViolationError):
                return await self._apply(inputs)
        return await self._apply(inputs)

    async def _apply(self, inputs: Sequence[Input]) -> Fold:
        assert self.service.flow is not None
        async with transaction(self.database) as tx:
            known = {self.program.text_id: self.program}
            fold = await effect(tx, self.service.name, self.service.flow, list(inputs), known)
            self.statements = tx.statements
        assert not fold.failures, fold.failures
        self.announced += fold.events
        return fold

    async def settings(self, document: str, body: Mapping[str, Any], version: int = 1,
                       effective_from: str = "1970-01-01") -> None:  # fmt: skip
        """Publish a version of a document, as if it had been so from then on."""
        async with transaction(self.database) as tx:
            await tx.execute(
                """
                insert into settings (program_id, document, version, state, revision,
                    effective_from, body, author, saved_at, published_at)
                values ($1, $2, $3, 1, 1, $4::text::timestamptz, $5::jsonb, 'test', now(), now())
                """,
                self.program.id,
                document,
                version,
                effective_from,
                msgspec.json.encode(body).decode(),
            )

    async def rows(self, table: str, order_by: str = "1, 2, 3") -> list[dict[str, Any]]:
        """All rows of a table of this program, without its number."""
        async with transaction(self.database) as tx:
            found = await tx.fetch(
                f"select * from {table} where program_id = $1 order by {order_by}", self.program.id
            )
        return [{k: v for k, v in dict(row).items() if k != "program_id"} for row in found]

    async def violations(self) -> list[str]:
        """Invariants of the service that do not hold for this program."""
        verdicts = await verify(self.service, self.database, self.program.text_id)
        return [
            f"{each.invariant}: {each.keys} expected {each.expected} found {each.found}"
            for verdict in verdicts
            for each in verdict.violations
        ]

    def told(self, kind: type) -> list[Any]:
        """Data of the announcements of a class, in order."""
        return [each.data for each in self.announced if type(each.data) is kind]


@asynccontextmanager
async def harness(
    service: Service,
    url: str,
    *,
    program: str | None = None,
    time_zone: str = "Asia/Shanghai",
    currency: str = "CNY",
) -> AsyncIterator[Harness]:
    """A harness with a new program (or the one named) in a database."""
    async with Database(service.name, url, worker=True, size=4) as database:
        yield await begin(service, database, program=program, zone=time_zone, currency=currency)


async def begin(
    service: Service,
    database: Database,
    *,
    program: str | None = None,
    zone: str = "Asia/Shanghai",
    currency: str = "CNY",
) -> Harness:
    """A harness with a new program in a database that is open already."""
    identity = program or text_id("prg", random_id())
    data = ProgramChanged(
        name="Test",
        time_zone=zone,
        currency=currency,
        default_region="CN",
        locale="zh-CN",
        status="open",
        version=1,
    )
    async with transaction(database) as tx:
        await programs.apply_programs(tx, [(identity, data)])
        known = await programs.load(tx)
    return Harness(service, database, known[identity])


def splits(items: Sequence[Any], cuts: Sequence[int]) -> list[list[Any]]:
    """A sequence cut into batches at some places."""
    places = sorted({cut % (len(items) + 1) for cut in cuts})
    edges = [0, *places, len(items)]
    return [list(items[a:b]) for a, b in pairwise(edges) if a < b]
