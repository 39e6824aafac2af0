"""SQL of deliveries, of their bodies and replays. One statement a function."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from services.gateway import tables
from services.gateway.model import Delivery, Sealed
from shared.db import bulk
from shared.db.transaction import Row, Tx


async def add_deliveries(tx: Tx, rows: Iterable[Delivery]) -> None:
    """Record deliveries."""
    await _ADD_DELIVERIES.run(tx, rows)


async def put_deliveries(tx: Tx, rows: Iterable[Delivery]) -> None:
    """Record what became of deliveries that were tried again, in their own rows."""
    await _PUT_DELIVERIES.run(tx, rows)


async def find_told(tx: Tx, events: Iterable[tuple[int, UUID]]) -> Sequence[Row]:
    """Program, event and digest of deliveries that told these events before."""
    return await _TOLD.run(tx, events)


async def find_delivery(tx: Tx, program_id: int, delivery_id: UUID) -> Delivery | None:
    """A delivery, locked."""
    found = await _DELIVERY.run(tx, [(program_id, delivery_id)])
    return found[0] if found else None


async def offer_body_key(
    tx: Tx, program_id: int, day: date, kept_days: int, sealed: bytes
) -> bytes:
    """The sealed key of a day: this one, where it has none yet."""
    row = await tx.fetch_one(
        """
        insert into body_key values ($1, $2, $3::smallint, $4)
        on conflict (program_id, day, kept_days) do update set day = excluded.day
        returning sealed
        """,
        program_id,
        day,
        kept_days,
        sealed,
    )
    assert row is not None
    return bytes(row["sealed"])


async def add_bodies(tx: Tx, rows: Iterable[Sealed]) -> None:
    """Keep bodies of deliveries."""
    await _ADD_BODIES.run(tx, rows)


async def find_body(tx: Tx, program_id: int, delivery_id: UUID) -> Row | None:
    """A body with the key of its day, if both are still there."""
    return await tx.fetch_one(
        """
        select b.day, b.kept_days, b.block, k.sealed
        from delivery_body b join body_key k using (program_id, day, kept_days)
        where b.program_id = $1 and b.delivery_id = $2
        """,
        program_id,
        delivery_id,
    )


async def add_replay(  # noqa: PLR0913, PLR0917 - what deliveries are chosen by
    tx: Tx,
    program_id: int,
    replay_id: UUID,
    connection_id: UUID | None,
    statuses: Sequence[str],
    since: UUID,
    until: UUID,
    most: int,
    now: datetime,
) -> int:
    """Ask that deliveries are read again, by connection, status and range of ids; how many."""
    await tx.execute(
        "insert into replay values ($1, $2, $3, null, 0, 0, '{}')", program_id, replay_id, now
    )
    await tx.execute(
        """
        insert into replay_item
        select program_id, $2, delivery_id from delivery
        where program_id = $1 and ($3::uuid is null or connection_id = $3)
          and status = any($4::text[]) and delivery_id >= $5 and delivery_id < $6
        order by delivery_id limit $7
        """,
        program_id,
        replay_id,
        connection_id,
        list(statuses),
        since,
        until,
        most,
    )
    row = await tx.fetch_one(
        """
        update replay set total = (
          select count(*) from replay_item where program_id = $1 and replay_id = $2)
        where program_id = $1 and replay_id = $2 returning total
        """,
        program_id,
        replay_id,
    )
    assert row is not None
    return int(row["total"])


async def claim_replay(tx: Tx) -> Row | None:
    """The replay that was asked for first and is not finished; nobody else takes it meanwhile."""
    return await tx.fetch_one(
        """
        select * from replay where finished_at is null
        order by asked_at limit 1 for update skip locked
        """
    )


async def take_replay_items(tx: Tx, program_id: int, replay_id: UUID, limit: int) -> Sequence[UUID]:
    """Deliveries of a replay that are not read yet, taken from it."""
    rows = await tx.fetch(
        """
        delete from replay_item where program_id = $1 and replay_id = $2 and delivery_id in (
          select delivery_id from replay_item
          where program_id = $1 and replay_id = $2 order by delivery_id limit $3)
        returning delivery_id
        """,
        program_id,
        replay_id,
        limit,
    )
    return sorted(row["delivery_id"] for row in rows)


async def note_replay(
    tx: Tx, program_id: int, replay_id: UUID, read: int, outcomes: str, finished: datetime | None
) -> None:
    """Note how far a replay has come."""
    await tx.execute(
        """
        update replay set done = done + $3, outcomes = $4, finished_at = $5
        where program_id = $1 and replay_id = $2
        """,
        program_id,
        replay_id,
        read,
        outcomes,
        finished,
    )


async def destroy_body_keys(tx: Tx, today: date) -> int:
    """Destroy the keys of days whose bodies are not kept any more; how many."""
    return await tx.execute("delete from body_key where day + kept_days < $1", today)


async def forget_bodies(tx: Tx, kept_days: int, today: date, limit: int) -> int:
    """Delete bodies of such days, by delivery_body_day_idx; how many."""
    return await tx.execute(
        """
        delete from delivery_body b using (
          select program_id, delivery_id from delivery_body
          where kept_days = $1::smallint and day < $2::date - $1::integer
          order by day limit $3) k
        where b.program_id = k.program_id and b.delivery_id = k.delivery_id
        """,
        kept_days,
        today,
        limit,
    )


async def forget_deliveries(tx: Tx, before: UUID, limit: int) -> int:
    """Delete the records of deliveries older than an id, but for what is not over; how many."""
    return await tx.execute(
        """
        delete from delivery d using (
          select p.program_id, x.delivery_id from program p cross join lateral (
            select t.delivery_id from delivery t
            where t.program_id = p.program_id and t.delivery_id < $1
              and t.status not in ('waiting', 'fetching')
            order by t.delivery_id limit $2) x) k
        where d.program_id = k.program_id and d.delivery_id = k.delivery_id
        """,
        before,
        limit,
    )


async def fail_waiting(tx: Tx, before: UUID, reason: str, limit: int) -> int:
    """Give up deliveries older than an id that wait for this reason, by delivery_waiting_idx.

    What they said is kept: it is sent when its order comes after all.
    """
    return await tx.execute(
        """
        update delivery d set status = 'failed' from (
          select program_id, delivery_id from delivery
          where status = 'waiting' and delivery_id < $1 and reason = $2
          order by delivery_id limit $3 for update skip locked) k
        where d.program_id = k.program_id and d.delivery_id = k.delivery_id
        """,
        before,
        reason,
        limit,
    )


async def forget_orders(
    tx: Tx, after: tuple[int, UUID], before: datetime, limit: int
) -> tuple[int, UUID] | None:
    """Delete a page's orders that began before an instant; where the page ends, None at the end.

    A program's first by id stays: that it has orders locks its zone and currency.
    """
    rows = await tx.fetch(
        """
        select program_id, order_id from known_order
        where (program_id, order_id) > ($1, $2) order by program_id, order_id limit $3
        """,
        *after,
        limit,
    )
    if not rows:
        return None
    last = rows[-1]
    await tx.execute(
        """
        delete from known_order k
        where (program_id, order_id) > ($1, $2) and (program_id, order_id) <= ($3, $4)
          and first_at < $5 and exists (
            select from known_order o
            where o.program_id = k.program_id and o.order_id < k.order_id)
        """,
        *after,
        last["program_id"],
        last["order_id"],
        before,
    )
    return last["program_id"], last["order_id"]


async def forget_wanted(tx: Tx, before: datetime) -> int:
    """Delete what was fetched, or given up, before an instant; how many."""
    return await tx.execute("delete from wanted where state in (1, 2) and since < $1", before)


_DELIVERIES: Final = bulk.stored(tables.DELIVERY, Delivery)
_ADD_DELIVERIES: Final = _DELIVERIES.insert()
_PUT_DELIVERIES: Final = _DELIVERIES.offer(
    "do update set type = excluded.type, status = excluded.status, reason = excluded.reason, "
    "event_id = excluded.event_id, digest = excluded.digest, attempt = delivery.attempt + 1"
)
_DELIVERY: Final = _DELIVERIES.locked("delivery_id")
_TOLD: Final = bulk.find(
    tables.DELIVERY,
    "event_id",
    only=("program_id", "event_id", "digest"),
    where="status in ('published', 'waiting')",
)
_ADD_BODIES: Final = bulk.stored(tables.DELIVERY_BODY, Sealed).insert()
