"""The audit of all services as one list: each is asked with the caller's own token."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from services.gateway import NAME
from services.gateway.proxy import SERVICES, Proxy
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.errors import HttpProblem
from shared.http.audit import PREFIX, Wanted, expect_program, find, line
from shared.http.paging import page
from shared.http.reading import known_id
from shared.http.tokens import Caller
from shared.ids import parse_id

ALL: Final = (NAME, *SERVICES)
"""In the order of a page token's places."""
START: Final = ""
"""Place of a service of which nothing has been told."""
END: Final = "-"
"""Place of a service of which all has been told."""


class Merged(Struct, frozen=True):
    """A page of all services: its lines, where each goes on, and who did not answer."""

    items: list[Mapping[str, Any]]
    places: list[str]
    more: bool
    away: list[str]


class Auditing:
    """Asks the services for their audits."""

    def __init__(self, database: Database, proxy: Proxy) -> None:
        self._database = database
        self._proxy = proxy

    async def page(
        self, caller: Caller, wanted: Wanted, places: Sequence[str], size: int
    ) -> Merged:
        """The next lines of all services from the places on, the newest first.

        A service that does not answer keeps its place, and the page goes on without it.
        """
        found = await asyncio.gather(
            *(
                self._of(caller, wanted, service, place, size)
                for service, place in zip(ALL, places, strict=True)
            )
        )
        lines = sorted(
            (each for part in found if part is not None for each in part.lines),
            key=lambda each: parse_id(PREFIX, each["entry_id"]),
            reverse=True,
        )
        items = lines[:size]
        ends = [
            _place(service, place, part, items)
            for service, place, part in zip(ALL, places, found, strict=True)
        ]
        away = [service for service, part in zip(ALL, found, strict=True) if part is None]
        more = any(
            place != END for service, place in zip(ALL, ends, strict=True) if service not in away
        )
        return Merged(items, ends, more, away)

    async def _of(
        self, caller: Caller, wanted: Wanted, service: str, place: str, size: int
    ) -> "_Part | None":
        """A page of a service from its place on; None: it is away."""
        if place == END:
            return _Part([], more=False)
        before = known_id(PREFIX, place, "page") if place else None
        if service == NAME:
            async with statements(self._database, wait_seconds=1.0) as tx:
                await expect_program(tx, wanted.program)
                rows = await find(tx, wanted, before, size + 1)
            return _Part([line(NAME, row) for row in rows[:size]], more=len(rows) > size)
        query = wanted.query() | {"page_size": str(size)}
        token = page([None, None], 1, [], [place])["next_page_token"] if place else None
        if token is not None:
            query["page_token"] = token
        try:
            answer = await self._proxy.get(caller, service, "audit", wanted.program, query)
        except HttpProblem:
            return None
        if answer.status_code == 404:  # noqa: PLR2004 - it has not heard of the program yet
            return _Part([], more=False)
        if answer.status_code != 200:  # noqa: PLR2004 - whatever else it says, it does not tell
            return None
        told = msgspec.json.decode(answer.content)
        return _Part(told["items"], more=told["next_page_token"] is not None)


class _Part(Struct, frozen=True):
    """What one service has for a page."""

    lines: list[Mapping[str, Any]]
    more: bool
    """Whether there are more behind them."""


def _place(service: str, place: str, part: _Part | None, items: Sequence[Mapping[str, Any]]) -> str:
    """Where a service goes on after a page."""
    if part is None:
        return place
    mine = [each for each in items if each["service"] == service]
    if len(mine) == len(part.lines) and not part.more:
        return END
    return str(mine[-1]["entry_id"]) if mine else place
