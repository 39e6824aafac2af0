"""SQL of approvals. One statement a function."""

from collections.abc import Mapping
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
        update approval set state = $2, decided_by = $3, decided_at = $4, reason = $5
        where approval_id = $1
        """,
        approval.approval_id,
        approval.state,
        approval.decided_by,
        approval.decided_at,
        approval.reason,
    )


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
    )
