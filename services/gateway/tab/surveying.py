"""Finds what there is beside a decoration: asks the services, and follows its links."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.gateway.decoration.settings import Decoration
from services.gateway.embed.asking import Services
from services.gateway.outbound.connecting import Connecting
from services.gateway.tab.model import Around
from services.gateway.tab.rules.reviewing import unpublishable
from shared.errors import FieldError

_GONE: Final = frozenset({404, 410})
_FAILED: Final = 500
_SAID: Final = {
    "no-tiers": "there is no ladder of tiers yet",
    "unknown-tier": "there is no such tier, or it is off",
    "link-dead": "the page behind the link does not answer",
}


class Surveyor:
    """Looks around for programs."""

    def __init__(self, services: Services, connecting: Connecting) -> None:
        self._services = services
        self._connecting = connecting

    async def around(self, program: str, body: Decoration, now: datetime) -> Around:
        """What there is for a program (its text id). Raises 503 `busy` where a service is away."""
        tiers, gift, earning, dead = await asyncio.gather(
            self._services.tiers(program),
            self._services.gift(program),
            self._services.earns(program),
            self._dead(body, now),
        )
        return Around(tiers=tiers, gift=gift is not None, earning=earning, dead_links=dead)

    async def against_publishing(
        self, program: str, body: Decoration, now: datetime
    ) -> Sequence[FieldError]:
        """What beside a draft speaks against showing it. Raises 503 `busy`."""
        tiers, dead = await asyncio.gather(self._services.tiers(program), self._dead(body, now))
        found = unpublishable(body, Around(tiers=tiers, dead_links=dead))
        return [FieldError(each.pointer, each.code, _SAID[each.code]) for each in found]

    async def _dead(self, body: Decoration, now: datetime) -> frozenset[int]:
        """Places of posters whose link leads out of this host and does not answer."""
        links = {
            place: poster.link
            for place, poster in enumerate(body.posters)
            if poster.link is not None and not poster.link.startswith("/")
        }
        answers = await asyncio.gather(*(self._answers(each, now) for each in links.values()))
        return frozenset(place for place, live in zip(links, answers, strict=True) if not live)

    async def _answers(self, url: str, now: datetime) -> bool:
        """Whether there is a page; one that wants to be logged in or leads on is one."""
        status = (await self._connecting.get(url, {}, 1, now)).status
        return status is not None and status not in _GONE and status < _FAILED
