"""What a platform asks about a buyer: members and points are asked over HTTP, within its own time.

A platform waits for about a second (Tmall 1.2 s), so what is not known by then is not told.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, TypeVar

import httpx2
import msgspec
from msgspec import Struct

from services.gateway.asking import Asking, Leave, Wallets, proven
from services.gateway.connectors import forms
from services.gateway.connectors.port import STRANGER, Standing
from services.gateway.rules.normalising import Shop
from shared.config import Config
from shared.http.tokens import Minter

WITHIN_SECONDS: Final = 0.8
_FOUND, _UNKNOWN = 200, 404
Said = TypeVar("Said")


class _Current(Struct, frozen=True):
    rank: int


class _Ladder(Struct, frozen=True):
    primary: bool
    current: _Current


class _Member(Struct, frozen=True):
    member_id: str
    tiers: Sequence[_Ladder] = ()


class _Membership(Struct, frozen=True):
    member_id: str


class _Identified(Struct, frozen=True):
    member: _Membership | None = None


class _Customer(Struct, frozen=True):
    customer_id: str


class Questions:
    """Asks services in the name of a connection."""

    def __init__(
        self,
        config: Config,
        minter: Minter,
        client: httpx2.AsyncClient,
        within_seconds: float = WITHIN_SECONDS,
    ) -> None:
        self._services = Asking(config, minter, client)
        self._within = within_seconds

    async def standing(self, shop: Shop, buyer: forms.Buyer) -> Standing | None:
        """Who a buyer is at the program, by their customer or a phone that was vouched for.

        None: nobody could tell in time.
        """
        who = shop.who(buyer)
        if who.customer_id is None:
            return None
        phone = [each.hash for each in who.identities if each.kind == "phone"]
        try:
            async with asyncio.timeout(self._within):
                return await self._standing(shop, who.customer_id, phone)
        except (TimeoutError, httpx2.HTTPError, msgspec.DecodeError):
            return None

    async def _standing(self, shop: Shop, customer: str, phone: Sequence[str]) -> Standing:
        identified = await self._identify(shop, customer, phone)
        path = f"members/{identified.member_id}" if identified is not None else ""
        member = await self._ask(shop, "members", path, _Member) if path else None
        if member is None:
            found = await self._ask(shop, "members", f"customers/{customer}", _Customer)
            return STRANGER if found is None else Standing(is_known=True)
        wallets = await self._ask(shop, "points", f"{path}/balance", Wallets)
        points = 0 if wallets is None else wallets.points  # who has no account there has none
        rank = next((each.current.rank for each in member.tiers if each.primary), 1)
        return Standing(is_known=True, is_member=True, points=points, rank=rank)

    async def _identify(
        self, shop: Shop, customer: str, phone: Sequence[str]
    ) -> _Membership | None:
        """The member that somebody is. Raises HTTPError, DecodeError."""
        leave = Leave(customer, shop.connection.program, "self.identify")
        answer = await self._services.send(
            "members", "me:identify", leave, method="POST", json=proven(phone)
        )
        if answer.status_code != _FOUND:
            raise httpx2.TransportError(f"answered {answer.status_code}")
        return msgspec.json.decode(answer.content, type=_Identified).member

    async def _ask(self, shop: Shop, service: str, path: str, told: type[Said]) -> Said | None:
        """What a service answers; None: it knows nothing of that. Raises HTTPError, DecodeError."""
        of = shop.connection
        leave = Leave(of.text_id, of.program, f"{service}.read")
        answer = await self._services.send(service, path, leave)
        if answer.status_code == _UNKNOWN:
            return None
        if answer.status_code != _FOUND:
            raise httpx2.TransportError(f"answered {answer.status_code}")
        return msgspec.json.decode(answer.content, type=told)
