"""SQL of whom providers know our staff as. One statement a function."""

from uuid import UUID

from shared.db.transaction import Row, Tx


async def find_identity(tx: Tx, issuer: str, subject: str) -> Row | None:
    """Whose account somebody at a provider has, and whether their groups gave it."""
    return await tx.fetch_one(
        "select staff_id, by_group from staff_identity where issuer = $1 and subject = $2",
        issuer,
        subject,
    )


async def add_identity(
    tx: Tx, issuer: str, subject: str, staff_id: UUID, *, by_group: bool
) -> bool:
    """Bind an account to somebody at a provider; whether it was bound to nobody else there."""
    added = await tx.execute(
        "insert into staff_identity values ($1, $2, $3, $4) on conflict do nothing",
        issuer,
        subject,
        staff_id,
        by_group,
    )
    return added == 1
