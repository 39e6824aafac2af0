"""Erasures that staff ask for: a second person lets them happen, if there is one who could.

Members does the thing. It is asked when another has approved, under the proposal's id as
idempotency key, so that asking again has no second effect.
"""

from typing import Final, Literal

import httpx2
import msgspec
from msgspec import Struct
from pydantic import Field

from services.gateway.approvals.managing import DONE, propose
from services.gateway.approvals.model import Approval
from services.gateway.asking import Asking, Leave
from services.gateway.proxy import away
from services.gateway.schemas import Asked
from services.gateway.staff.managing import Accounts
from shared.audit.deeds import Actor
from shared.config import Config
from shared.db.engine import Database
from shared.db.transaction import transaction
from shared.http.tokens import Minter
from shared.ids import text_id

ERASE: Final = "members.erase"
"""The kind of these proposals, and the permission that they need."""
DECIDE: Final = "approvals.decide"
_NAME: Final = "members"
_LATER: Final = frozenset({401, 408, 429})
"""Answers after which it is asked again: nothing was decided."""
_IN_PROGRESS: Final = "idempotency-in-progress"
_REFUSED: Final = 400
_FAILED: Final = 500


class WantedErasure(Asked):
    """Who asks that a member be forgotten, and why."""

    requested_by: Literal["member", "guardian", "staff", "authority"]
    reason: str = Field(min_length=1, max_length=500, pattern=r"\S")


class _Problem(Struct, frozen=True):
    code: str


class Erasing:
    """Proposes erasures, and asks members for those that were approved."""

    permission: Final = ERASE

    def __init__(self, config: Config, minter: Minter, client: httpx2.AsyncClient) -> None:
        self._services = Asking(config, minter, client)

    async def perform(self, approval: Approval) -> str:
        """Ask members for an erasure: `done`, or the code of why not. Raises 503 `busy`."""
        assert approval.decided_by is not None, "it was approved"
        leave = Leave(approval.decided_by, approval.program, ERASE, seconded=True)
        try:
            answer = await self._services.send(
                _NAME,
                f"members/{approval.target}/erasures",
                leave,
                method="POST",
                headers={
                    "idempotency-key": text_id("apr", approval.approval_id),
                    "content-type": "application/json",
                },
                content=approval.body,
            )
        except httpx2.HTTPError as error:
            raise away(_NAME) from error
        if answer.status_code < _REFUSED:
            return DONE
        code = _code(answer)
        undecided = answer.status_code in _LATER or answer.status_code >= _FAILED
        if undecided or code in {None, _IN_PROGRESS}:
            raise away(_NAME)
        assert code is not None
        return code


class Proposing:
    """Tells what of staff waits for a second person."""

    def __init__(self, database: Database, accounts: Accounts) -> None:
        self._database = database
        self._accounts = accounts

    async def erasure(
        self, actor: Actor, program: str, member: str, wanted: WantedErasure
    ) -> Approval | None:
        """What waits now; None: nobody else could approve, so that it does not wait."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            if not await self._accounts.another_may(tx, program, actor, {ERASE, DECIDE}):
                return None
            details = wanted.model_dump()
            return await propose(tx, actor, ERASE, program=program, target=member, details=details)


def _code(answer: httpx2.Response) -> str | None:
    try:
        return msgspec.json.decode(answer.content, type=_Problem).code
    except msgspec.MsgspecError:
        return None
