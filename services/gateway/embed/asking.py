"""What services are asked for what stands on a shop's page, by tokens that permit that alone."""

from collections.abc import Sequence
from typing import Final, TypeVar

import httpx2
import msgspec
from msgspec import Struct

from services.gateway.asking import Asking, Leave, Wallets
from services.gateway.embed.model import Gift, Standing
from services.gateway.proxy import away
from shared.config import Config
from shared.http.tokens import Minter

Said = TypeVar("Said")
_FOUND, _UNKNOWN = 200, 404
OPEN: Final = "open"


class _Route(Struct, frozen=True):
    route: str
    stores: Sequence[str] = ("*",)


class _Join(Struct, frozen=True):
    routes: Sequence[_Route]


class _Version(Struct, frozen=True):
    body: _Join


class _Published(Struct, frozen=True):
    published: _Version | None


class _Rules(Struct, frozen=True):
    published: dict[str, object] | None


class _TierName(Struct, frozen=True):
    code: str
    on: bool


class _Tiers(Struct, frozen=True):
    items: Sequence[_TierName]


class _Giving(Struct, frozen=True):
    gift: Gift | None


class _Tier(Struct, frozen=True):
    tier: str


class _Ladder(Struct, frozen=True):
    primary: bool
    current: _Tier


class _Card(Struct, frozen=True):
    tiers: Sequence[_Ladder]


class Services:
    """Asks members, points and campaigns about a program, or for one of its members."""

    def __init__(self, config: Config, minter: Minter, client: httpx2.AsyncClient) -> None:
        self._services = Asking(config, minter, client)

    async def may_join(self, program: str, store: str | None) -> bool:
        """Whether anybody may join in a store now; without one: in any. Raises 503 `busy`."""
        asked = ("members", program, program, "settings.read", "settings/join")
        found = await self._ask(asked, _Published)
        if found is None or found.published is None:
            return False
        return any(
            each.route == OPEN and (store is None or not {"*", store}.isdisjoint(each.stores))
            for each in found.published.body.routes
        )

    async def gift(self, program: str) -> Gift | None:
        """What whoever joins gets now; None: nothing. Raises 503 `busy`."""
        asked = ("campaigns", program, program, "campaigns.read", "new-member-gift")
        found = await self._ask(asked, _Giving)
        return None if found is None else found.gift

    async def tiers(self, program: str) -> frozenset[str]:
        """Codes of the tiers that are on; without a ladder none. Raises 503 `busy`."""
        found = await self._ask(("members", program, program, "programs.read", "tiers"), _Tiers)
        return frozenset(each.code for each in found.items if each.on) if found else frozenset()

    async def earns(self, program: str) -> bool:
        """Whether rules of points are published. Raises 503 `busy`."""
        asked = ("points", program, program, "settings.read", "settings/points")
        found = await self._ask(asked, _Rules)
        return found is not None and found.published is not None

    async def standing(self, program: str, member: str) -> Standing:
        """Where a member stands. Raises 503 `busy`."""
        card = await self._ask(("members", member, program, "self.read", "me"), _Card)
        wallets = await self._ask(("points", member, program, "self.read", "me/balance"), Wallets)
        tier = (
            next((each.current.tier for each in card.tiers if each.primary), None) if card else None
        )
        # Who has no account there has none.
        return Standing(tier, 0 if wallets is None else wallets.points)

    async def _ask(self, asked: tuple[str, str, str, str, str], told: type[Said]) -> Said | None:
        service, subject, program, permission, path = asked
        try:
            answer = await self._services.send(service, path, Leave(subject, program, permission))
            if answer.status_code == _UNKNOWN:
                return None
            if answer.status_code != _FOUND:
                raise away(service)
            return msgspec.json.decode(answer.content, type=told)
        except (httpx2.HTTPError, msgspec.DecodeError) as error:
            raise away(service) from error
