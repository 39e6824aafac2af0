"""Proposals and decisions: what is approved happens, once.

What the gateway does itself is done in the transaction of the decision. What another service does
is asked of it when the decision is committed, under the proposal's id as idempotency key; the
worker asks again where no answer came.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
from msgspec.structs import replace

from services.gateway.approvals import queries, store
from services.gateway.approvals.decide import LASTS, decide, lapsed
from services.gateway.approvals.model import Approval, Verdict
from shared.audit.deeds import Actor, Deed, record
from shared.days import render
from shared.db.engine import Database
from shared.db.transaction import Tx, statements, transaction
from shared.errors import HttpProblem
from shared.http.reading import values
from shared.http.tokens import EVERYTHING
from shared.ids import text_id
from shared.outcome import Refused
from shared.random_ids import uuid7

DONE: Final = "done"
PATIENCE: Final = timedelta(seconds=30)
"""So long the request that decided may take to do it, too."""
PAGE: Final = 100


class Decider(Protocol):
    """Who decides, and what they may do there."""

    @property
    def program(self) -> str | None:
        """Text id of the program; None: in all of them."""
        ...

    @property
    def permissions(self) -> frozenset[str]:
        """What they may do."""
        ...


class Elsewhere(Protocol):
    """A thing that another service does, of which one had to approve."""

    @property
    def permission(self) -> str:
        """What who approves must be allowed to do themselves."""
        ...

    async def perform(self, approval: Approval) -> str:
        """Ask for it, however often: `done`, or the code of the refusal.

        Raises HttpProblem 503 where the service does not answer.
        """
        ...


Perform = Callable[[Tx, Approval, Decider, Actor], Awaitable[None]]
"""Does what was approved. Raises HttpProblem for who may not do it themselves."""


async def propose(
    tx: Tx,
    actor: Actor,
    kind: str,
    *,
    program: str | None,
    target: str,
    details: Any,  # noqa: ANN401
) -> Approval:
    """Something that a second person is to let happen."""
    approval = Approval(
        approval_id=uuid7(actor.at),
        program=program,
        kind=kind,
        target=target,
        body=msgspec.json.encode(details),
        state="pending",
        proposed_by=actor.id,
        proposed_at=actor.at,
    )
    await store.add_approval(tx, approval)
    name = text_id("apr", approval.approval_id)
    await record(tx, actor, Deed("approvals.create", name, program, reason=kind))
    return approval


class Approvals:
    """The inbox of proposals."""

    def __init__(
        self,
        database: Database,
        performers: Mapping[str, Perform],
        elsewhere: Mapping[str, Elsewhere],
    ) -> None:
        self._database = database
        self._performers = performers
        self._elsewhere = elsewhere

    async def list(
        self,
        program: str | None,
        state: str | None,
        now: datetime,
        before: UUID | None,
        limit: int,
    ) -> Sequence[Approval]:
        """Proposals, the newest first; of those pending the ones that have not lapsed.

        Raises 404 for a program that is not there.
        """
        async with self._database.reading() as connection:
            rows = await queries.list_approvals(
                connection, program, state, now - LASTS, before, limit
            )
        return [store.approval_of(values(row)) for row in rows]

    async def decide(
        self, by: Decider, actor: Actor, approval_id: UUID, verdict: Verdict, reason: str
    ) -> Approval:
        """Approve, which does the thing, or reject.

        Raises HttpProblem: 404, 409 `state-conflict`, 403 `second-person`, and what the thing
        itself is refused with.
        """
        async with transaction(self._database, wait_seconds=1.0) as tx:
            known = await store.lock_approval(tx, approval_id)
            if known is None or by.program not in {None, known.program}:
                raise HttpProblem(404, "not-found", "No such approval.")
            decided = decide(known, actor.id, verdict, actor.at, reason or None)
            if isinstance(decided, Refused):
                raise HttpProblem(decided.status, decided.code, decided.detail)
            if verdict == "approved":
                decided = await self._let_happen(tx, decided, by, actor)
            await store.save_approval(tx, decided)
            action = "approvals.approve" if verdict == "approved" else "approvals.reject"
            name = text_id("apr", approval_id)
            await record(tx, actor, Deed(action, name, known.program, reason=known.kind))
        if verdict == "approved" and decided.performed_at is None:
            decided = await self.perform(decided, actor.at)
        return decided

    async def perform(self, approval: Approval, now: datetime) -> Approval:
        """Ask another service for what was approved; with what came of it.

        While the service does not answer it stays as it is, and is asked for again later.
        """
        try:
            outcome = await self._elsewhere[approval.kind].perform(approval)
        except HttpProblem:
            return approval
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await store.note_performed(tx, approval.approval_id, now, outcome)
        return replace(approval, performed_at=now, outcome=outcome)

    async def perform_what_waits(self, now: datetime) -> int:
        """Ask for all that was approved and is not done; how much of it is now."""
        async with statements(self._database) as tx:
            waiting = await store.list_unperformed(tx, now - PATIENCE, PAGE)
        done = [await self.perform(each, now) for each in waiting]
        return sum(each.performed_at is not None for each in done)

    async def _let_happen(self, tx: Tx, decided: Approval, by: Decider, actor: Actor) -> Approval:
        performer = self._performers.get(decided.kind)
        if performer is None:
            expect_permission(by, self._elsewhere[decided.kind].permission)
            return decided
        await performer(tx, decided, by, actor)
        return replace(decided, performed_at=actor.at, outcome=DONE)


def expect_permission(by: Decider, needed: str) -> None:
    """Who approves of something must be allowed to do it themselves. Raises 403."""
    if not {needed, EVERYTHING} & by.permissions:
        raise HttpProblem(403, "forbidden", f"This needs the permission {needed} itself.")


def told(approval: Approval, now: datetime) -> dict[str, Any]:
    """A proposal as it is told."""
    return {
        "approval_id": text_id("apr", approval.approval_id),
        "program_id": approval.program,
        "kind": approval.kind,
        "target": approval.target,
        "details": msgspec.json.decode(approval.body),
        "state": "lapsed" if lapsed(approval, now) else approval.state,
        "proposed_by": approval.proposed_by,
        "proposed_at": render(approval.proposed_at),
        "decided_by": approval.decided_by,
        "decided_at": None if approval.decided_at is None else render(approval.decided_at),
        "reason": approval.reason,
        "outcome": approval.outcome,
    }
