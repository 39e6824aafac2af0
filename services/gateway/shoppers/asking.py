"""What members is asked and told about a shopper, by tokens that permit that alone."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote
from uuid import UUID

import httpx2
import msgspec
from msgspec import Struct

from services.gateway.asking import Asking, Leave, proven
from services.gateway.proxy import away
from services.gateway.shoppers.model import Membership, Session
from shared.clock import monotonic
from shared.config import Config
from shared.errors import HttpProblem
from shared.http.acting import ADDRESS_HEADER
from shared.http.tokens import Minter
from shared.ids import text_id
from shared.random_ids import random_id

FRESH_SECONDS: Final = 30.0
"""After so long it is known here that a shopper joined elsewhere, or is no member any more."""
MOST: Final = 10_000
_GOOD: Final = 400
_NAME: Final = "members"


class _Found(Struct, frozen=True):
    member: Membership | None


class _Problem(Struct, frozen=True):
    code: str
    detail: str = ""


class _Wanted(Struct, frozen=True):
    """One request: what it needs, where it goes, and in whose name."""

    permission: str
    path: str
    subject: str
    body: Mapping[str, object] | None
    key: str | None = None
    address: str = ""
    method: str = "POST"


class Members:
    """Asks members over HTTP."""

    def __init__(self, config: Config, minter: Minter, client: httpx2.AsyncClient) -> None:
        self._services = Asking(config, minter, client)
        self._known: dict[UUID, tuple[float, Membership | None]] = {}
        """By session."""

    async def membership(self, session: Session) -> Membership | None:
        """The member that a shopper is; None: they are no member. Raises 503 `busy`."""
        read_at, known = self._known.get(session.session_id, (-FRESH_SECONDS, None))
        if monotonic() - read_at < FRESH_SECONDS:
            return known
        body = proven(session.person)
        wanted = _Wanted("self.identify", "me:identify", _customer(session), body)
        found = msgspec.json.decode(await self._ask(session, wanted), type=_Found).member
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[session.session_id] = (monotonic(), found)
        return found

    async def by_phone(self, session: Session, phone: Sequence[str]) -> Membership | None:
        """The member that whoever has proven a phone (its keyed hashes) is, by that alone."""
        nobody = text_id("cus", UUID(int=0))
        wanted = _Wanted("self.identify", "me:identify", nobody, proven(phone))
        return msgspec.json.decode(await self._ask(session, wanted), type=_Found).member

    def forget(self, session: Session) -> None:
        """It has changed what a shopper is."""
        self._known.pop(session.session_id, None)

    async def join(self, session: Session, terms: str, address: str) -> None:
        """Let a shopper join by the open route. Raises what members refuses."""
        body = {
            "route": "open",
            "store_id": text_id("sto", session.store_id),
            "terms": terms,
            "identities": [
                {"kind": "phone", "hash": hashed, "verified": True} for hashed in session.person
            ],
        }
        path, key = "me/applications", text_id("app", random_id())
        wanted = _Wanted("self.join", path, _customer(session), body, key, address)
        await self._ask(session, wanted)
        self.forget(session)

    async def erase(
        self,
        session: Session,
        member: Membership,
        phone: Sequence[str],
        reason: str,
        address: str,
    ) -> Mapping[str, object]:
        """Ask that a member be forgotten who has just proven a phone (its keyed hashes).

        Raises what members refuses, 403 `another-phone` for one that is not the member's.
        """
        body, key = {"reason": reason, **proven(phone)}, text_id("ers", random_id())
        wanted = _Wanted("self.erase", "me/erasures", member.member_id, body, key, address)
        return msgspec.json.decode(await self._ask(session, wanted), type=dict[str, object])

    async def keep(
        self, session: Session, member: Membership, erasure: str, address: str
    ) -> Mapping[str, object]:
        """Take a member's wish to be forgotten back. Raises what members refuses: 404, 409."""
        path, key = f"me/erasures/{quote(erasure, safe='')}", text_id("ers", random_id())
        wanted = _Wanted("self.erase", path, member.member_id, None, key, address, "DELETE")
        return msgspec.json.decode(await self._ask(session, wanted), type=dict[str, object])

    async def consent(
        self,
        session: Session,
        member: Membership,
        consents: Mapping[str, str],
        text_version: str | None,
        address: str,
    ) -> Mapping[str, object]:
        """Record what a member agrees to, or takes back. Raises what members refuses."""
        body = {"consents": dict(consents), "text_version": text_version}
        path, key = "me/consents", text_id("cns", random_id())
        wanted = _Wanted("self.consent", path, member.member_id, body, key, address)
        return msgspec.json.decode(await self._ask(session, wanted), type=dict[str, object])

    async def _ask(self, session: Session, wanted: _Wanted) -> bytes:
        leave = Leave(wanted.subject, session.program, wanted.permission)
        headers = {ADDRESS_HEADER: wanted.address}
        if wanted.key is not None:
            headers["idempotency-key"] = wanted.key
        try:
            answer = await self._services.send(
                _NAME,
                wanted.path,
                leave,
                method=wanted.method,
                headers=headers,
                json=wanted.body,
            )
        except httpx2.HTTPError as error:
            raise away(_NAME) from error
        if answer.status_code < _GOOD:
            return answer.content
        raise _refused(answer)


def _customer(session: Session) -> str:
    return text_id("cus", session.customer_id)


def _refused(answer: httpx2.Response) -> HttpProblem:
    """What members refused, as the shopper is told."""
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.MsgspecError:
        return away(_NAME)
    return HttpProblem(answer.status_code, problem.code, problem.detail)
