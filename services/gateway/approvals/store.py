"""SQL of approvals. One statement a function."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.gateway.approvals.model import Approval
from shared.db.transaction import Row, Tx
from shared.ids import text_id, uuid_of


async def add_approval(tx: Tx, approval: Approval) -> None:
    """A new proposal."""
    await tx.execute(
        """
        insert into approval (program_id, approval_id, kind, target, body, state, proposed_by,
                              proposed_at)
        select coalesce((select program_id from program where public_id = $1), 0),
               $2, $3, $4, $5, $6, $7, $8
        """,
        None if approval.program is None else uuid_of(approval.program),
        approval.approval_id,
        approval.kind,
        approval.target,
        approval.body,
        approval.state,
        approval.proposed_by,
        approval.proposed_at,
    )


async def lock_approval(tx: Tx, approval_id: UUID) -> Approval | None:
    """A proposal, about which nobody else decides until the commit, by approval_id_idx."""
    row = await tx.fetch_one(
        """
        select a.*, p.public_id
        from approval a left join program p on p.program_id = a.program_id
        where a.approval_id = $1 for update of a
        """,
        approval_id,
    )
    return None if row is None else approval_of(row)


async def save_approval(tx: Tx, approval: Approval) -> None:
    """Write what was decided."""
    await tx.execute(
        """
        update approval set state = $2, decided_by = $3, decided_at = $4, reason = $5,
          performed_at = $6, outcome = $7
        where approval_id = $1
        """,
        approval.approval_id,
        approval.state,
        approval.decided_by,
        approval.decided_at,
        approval.reason,
        approval.performed_at,
        approval.outcome,
    )


async def note_performed(tx: Tx, approval_id: UUID, now: datetime, outcome: str) -> bool:
    """Note what became of what was approved; whether nobody did before."""
    noted = await tx.execute(
        """
        update approval set performed_at = $2, outcome = $3
        where approval_id = $1 and performed_at is null
        """,
        approval_id,
        now,
        outcome,
    )
    return noted == 1


async def list_unperformed(tx: Tx, before: datetime, limit: int) -> Sequence[Approval]:
    """What was approved before an instant and is not done, by approval_unperformed_idx."""
    rows = await tx.fetch(
        """
        select a.*, p.public_id
        from approval a left join program p on p.program_id = a.program_id
        where a.state = 'approved' and a.performed_at is null and a.decided_at < $1
        order by a.decided_at limit $2
        """,
        before,
        limit,
    )
    return [approval_of(row) for row in rows]


def approval_of(row: Row | Mapping[str, Any]) -> Approval:
    """A row with its program's public id as a value."""
    return Approval(
        approval_id=row["approval_id"],
        program=None if row["public_id"] is None else text_id("prg", row["public_id"]),
        kind=row["kind"],
        target=row["target"],
        body=row["body"],
        state=row["state"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        reason=row["reason"],
        performed_at=row["performed_at"],
        outcome=row["outcome"],
    )
