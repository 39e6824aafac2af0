"""SQL of sessions. One statement a function."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.gateway.staff.model import Session, Sitting, Vouched
from shared.db.transaction import Row, Tx


async def add_session(  # noqa: PLR0913, PLR0917 - the columns of a session
    tx: Tx,
    session_id: UUID,
    staff_id: UUID,
    token_hash: bytes,
    sitting: Sitting,
    network: str | None,
    agent: str,
    federated: Vouched | None,
) -> None:
    """A new session."""
    await tx.execute(
        "insert into staff_session values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        session_id,
        staff_id,
        token_hash,
        sitting.began_at,
        sitting.seen_at,
        sitting.stepped_up_at,
        network,
        agent,
        federated,
    )


async def find_session(tx: Tx, token_hash: bytes) -> Session | None:
    """A session of somebody who may act, by staff_session_token_idx."""
    row = await tx.fetch_one(
        """
        select i.*, s.email, s.name, s.locale, s.mfa_secret is not null as enrolled
        from staff_session i join staff s on s.staff_id = i.staff_id and s.status = 'active'
        where i.token_hash = $1
        """,
        token_hash,
    )
    if row is None:
        return None
    return Session(
        row["session_id"],
        row["staff_id"],
        row["email"],
        row["name"],
        row["locale"],
        row["enrolled"],
        Sitting(row["began_at"], row["seen_at"], row["stepped_up_at"]),
        row["federated"],
    )


async def touch_session(tx: Tx, session_id: UUID, now: datetime) -> None:
    """Note that there was a request."""
    await tx.execute("update staff_session set seen_at = $2 where session_id = $1", session_id, now)


async def renew_session(
    tx: Tx, session_id: UUID, token_hash: bytes, now: datetime, *, stepped_up: bool
) -> None:
    """Another secret for a session; whoever has the old one is out."""
    await tx.execute(
        """
        update staff_session set token_hash = $2, seen_at = $3,
          stepped_up_at = case when $4 then $3 else stepped_up_at end
        where session_id = $1
        """,
        session_id,
        token_hash,
        now,
        stepped_up,
    )


async def list_sessions(
    tx: Tx, staff_id: UUID, began_after: datetime, seen_after: datetime
) -> Sequence[Row]:
    """Sessions of an account that began and were seen after these instants, the newest first."""
    return await tx.fetch(
        """
        select * from staff_session where staff_id = $1 and began_at > $2 and seen_at > $3
        order by began_at desc, session_id
        """,
        staff_id,
        began_after,
        seen_after,
    )


async def end_session(tx: Tx, staff_id: UUID, session_id: UUID) -> bool:
    """End one session of an account; whether there was such a one."""
    ended = await tx.execute(
        "delete from staff_session where staff_id = $1 and session_id = $2", staff_id, session_id
    )
    return ended == 1


async def end_sessions(tx: Tx, staff_id: UUID, but: UUID | None) -> None:
    """End all sessions of an account, but perhaps one."""
    await tx.execute(
        """
        delete from staff_session
        where staff_id = $1 and ($2::uuid is null or session_id <> $2)
        """,
        staff_id,
        but,
    )


async def end_sessions_of_role(tx: Tx, role: str) -> None:
    """End the sessions of everybody who holds a role of a program's own."""
    await tx.execute(
        """
        delete from staff_session
        where staff_id in (select staff_id from staff_role where role = $1)
        """,
        role,
    )


async def forget_sessions(tx: Tx, began_before: datetime, seen_before: datetime) -> None:
    """Delete sessions that began or were seen at or before these instants."""
    await tx.execute(
        "delete from staff_session where began_at <= $1 or seen_at <= $2", began_before, seen_before
    )
