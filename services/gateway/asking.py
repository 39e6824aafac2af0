"""Questions and wishes of the gateway's own: each goes by a token that permits that alone."""

from collections.abc import Sequence
from typing import Any

import httpx2
from msgspec import Struct

from shared.config import Config
from shared.http.tokens import Minter


class Leave(Struct, frozen=True):
    """In whose name something is asked, and the one thing that is permitted."""

    subject: str
    program: str | None
    permission: str
    seconded: bool = False
    """Whether a second person has approved."""


class Wallet(Struct, frozen=True):
    """One of a member's wallets, as points tells it."""

    kind: str
    balance: int


class Wallets(Struct, frozen=True):
    """A member's wallets, as points tells them."""

    wallets: Sequence[Wallet]

    @property
    def points(self) -> int:
        """What the member has in points."""
        return sum(each.balance for each in self.wallets if each.kind == "points")


def proven(hashes: Sequence[str]) -> dict[str, object]:
    """A proven phone as members takes it: its newest keyed hash, and those under older keys."""
    newest, *older = hashes or (None,)
    return {"phone": newest, "older": older}


class Asking:
    """Sends requests to services."""

    def __init__(self, config: Config, minter: Minter, client: httpx2.AsyncClient) -> None:
        self._config = config
        self._minter = minter
        self._client = client

    async def send(
        self,
        service: str,
        path: str,
        leave: Leave,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> httpx2.Response:
        """A service's answer, whatever it is. Raises httpx2.HTTPError."""
        token = self._minter.mint(
            service, leave.subject, leave.program, [leave.permission], seconded=leave.seconded
        )
        return await self._client.request(
            method,
            f"{self._config.url_of(service)}/v1/{path}",
            headers={"authorization": f"Bearer {token}"} | (headers or {}),
            **request,
        )
