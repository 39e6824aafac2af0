"""SQL of member tabs. One statement a function."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.gateway.tab.model import OFF, Lack, Tab
from shared.db.transaction import Row, Tx


async def find_tab(tx: Tx, program_id: int) -> Tab:
    """A program's tab."""
    row = await tx.fetch_one("select * from member_tab where program_id = $1", program_id)
    return _tab(row)


async def lock_tab(tx: Tx, program_id: int) -> Tab:
    """A program's tab, which nobody else changes until the commit, once it has a row."""
    row = await tx.fetch_one(
        "select * from member_tab where program_id = $1 for update", program_id
    )
    return _tab(row)


async def save_tab(tx: Tx, program_id: int, tab: Tab) -> None:
    """Write a program's tab."""
    await tx.execute(
        """
        insert into member_tab (program_id, state, submitted_by, submitted_at, review_at,
                                decided_at, reasons, rejected_to)
        values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8)
        on conflict (program_id) do update
          set state = excluded.state, submitted_by = excluded.submitted_by,
              submitted_at = excluded.submitted_at, review_at = excluded.review_at,
              decided_at = excluded.decided_at, reasons = excluded.reasons,
              rejected_to = excluded.rejected_to
        """,
        program_id,
        tab.state,
        tab.submitted_by,
        tab.submitted_at,
        tab.review_at,
        tab.decided_at,
        msgspec.json.encode(tab.reasons).decode(),
        tab.rejected_to,
    )


async def list_due(tx: Tx, now: datetime, most: int) -> Sequence[Row]:
    """Programs whose tab is to be reviewed, the longest due first; by member_tab_due_idx."""
    return await tx.fetch(
        """
        select p.program_id, p.public_id, p.status
        from member_tab t join program p on p.program_id = t.program_id
        where t.state = 'submitted' and t.review_at <= $1 order by t.review_at limit $2
        """,
        now,
        most,
    )


def _tab(row: Row | None) -> Tab:
    if row is None:
        return OFF
    return Tab(
        state=row["state"],
        submitted_by=row["submitted_by"],
        submitted_at=row["submitted_at"],
        review_at=row["review_at"],
        decided_at=row["decided_at"],
        reasons=msgspec.json.decode(row["reasons"], type=list[Lack]),
        rejected_to=row["rejected_to"],
    )
