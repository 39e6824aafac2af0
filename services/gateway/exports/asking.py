"""What services are asked for an export, by tokens that permit that alone, in the asker's name."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpx2
import msgspec
from msgspec import Struct

from services.gateway.asking import Asking, Leave
from services.gateway.exports.model import Export
from services.gateway.exports.packing import Tables
from shared.config import Config
from shared.days import render
from shared.http.tokens import Minter
from shared.ids import text_id

OTHERS: Final = ("points", "campaigns", "analytics")
_MEMBERS: Final = "members"
_MISSING: Final = 404
_TOO_LARGE: Final = 413
_GOOD: Final = 400


class Gone(Exception):
    """Members knows nothing of what is asked for, any more."""


class TooLarge(Exception):
    """Members does not take a file of this size."""


class _Held(Struct, frozen=True):
    tables: dict[str, list[dict[str, Any]]]
    customers: list[str] = []


class _File(Struct, frozen=True):
    content: str


class Holders:
    """Asks the services that hold something about members."""

    def __init__(self, config: Config, minter: Minter, client: httpx2.AsyncClient) -> None:
        self._services = Asking(config, minter, client)

    async def gather(self, export: Export) -> tuple[dict[str, Tables], list[str]]:
        """Rows by service and table, and the member's customers. Raises Gone, HTTPError."""
        first = await self._held(export, _MEMBERS, ())
        found: dict[str, Tables] = {_MEMBERS: first.tables}
        for service in OTHERS:
            found[service] = (await self._held(export, service, first.customers)).tables
        return found, first.customers

    async def keep(self, export: Export, content: bytes) -> None:
        """Let members keep the file under the member's key. Raises Gone, TooLarge, HTTPError."""
        body = {
            "content": base64.b64encode(content).decode(),
            "expires_at": render(export.expires_at),
        }
        await self._send(export, "PUT", _MEMBERS, _place(export), json=body)

    async def take(self, export: Export) -> bytes:
        """The file, which members then keeps no longer. Raises Gone, HTTPError."""
        answer = await self._send(export, "POST", _MEMBERS, f"{_place(export)}:take")
        return base64.b64decode(msgspec.json.decode(answer, type=_File).content)

    async def _held(self, export: Export, service: str, customers: Iterable[str]) -> _Held:
        path = f"members/{text_id('mem', export.member_id)}/held"
        params = {"customer_id": list(customers)}
        answer = await self._send(export, "GET", service, path, params=params)
        return msgspec.json.decode(answer, type=_Held)

    async def _send(
        self,
        export: Export,
        method: str,
        service: str,
        path: str,
        *,
        params: Mapping[str, list[str]] | None = None,
        json: Mapping[str, str] | None = None,
    ) -> bytes:
        leave = Leave(export.requested_by, export.program, "members.export")
        answer = await self._services.send(
            service,
            path,
            leave,
            method=method,
            params=params,
            json=None if json is None else dict(json),
        )
        if answer.status_code == _MISSING and service == _MEMBERS:
            raise Gone(path)
        if answer.status_code == _TOO_LARGE:
            raise TooLarge(path)
        if answer.status_code >= _GOOD:
            raise httpx2.TransportError(f"answered {answer.status_code}")
        return answer.content


def _place(export: Export) -> str:
    return (
        f"members/{text_id('mem', export.member_id)}/access-files/"
        f"{text_id('axp', export.export_id)}"
    )
