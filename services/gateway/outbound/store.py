"""Write SQL of outgoing webhooks. One statement a function.

Who claims messages of an endpoint, or keeps what came of one, locks the endpoint first: so there
are never more of it on their way than allowed, whichever workers send them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import structs

from services.gateway.outbound.model import (
    Claimed,
    Health,
    Key,
    Message,
    OutboundState,
    Outdated,
    Result,
    Subscriber,
)
from shared.db import bulk
from shared.db.transaction import Row, Tx
from shared.flow import Input

STATEMENTS: Final = 3
"""Of `read_subscribers` and `save_messages`, at most, whatever the batch's size."""


async def read_subscribers(tx: Tx, state: OutboundState, inputs: Sequence[Input]) -> None:
    """Who asks for events of the inputs' programs; disabled endpoints keep what comes, too."""
    rows = await tx.fetch(
        """
        select program_id, endpoint_id, types from endpoint
        where program_id = any($1::integer[]) and state <> 'deleted'
        order by program_id, endpoint_id
        """,
        sorted({state.programs[item.program].id for item in inputs}),
    )
    for row in rows:
        state.subscribers.setdefault(row["program_id"], []).append(Subscriber(*row))


async def save_messages(tx: Tx, state: OutboundState) -> None:
    """Write the messages that a batch made, and let go those that were kept long enough."""
    await add_messages(tx, state.messages.changed)
    await remove_messages(tx, state.outdated.changed)


async def add_messages(tx: Tx, messages: Sequence[Message]) -> None:
    """New messages, due at once, in their order; those that are there stay as they are."""
    if messages:
        await tx.execute(
            """
            insert into message (program_id, message_id, endpoint_id, event_id, type, subject,
                                 body, state, step, attempts, created_at, due_at)
            select program_id, message_id, endpoint_id, event_id, type, subject, body, 0, 0, 0,
                   now(), now()
            from unnest($1::integer[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[],
                        $6::text[], $7::bytea[]) with ordinality
              k (program_id, message_id, endpoint_id, event_id, type, subject, body, place)
            order by k.place
            on conflict (program_id, message_id) do nothing
            """,
            *map(list, zip(*(structs.astuple(each) for each in messages), strict=True)),
        )


async def remove_messages(tx: Tx, messages: Iterable[Outdated]) -> None:
    """Let messages go, with their attempts."""
    arrays = bulk.columns((each.key for each in messages), 2)
    if arrays[0]:
        await tx.execute(
            """
            delete from message m using unnest($1::integer[], $2::uuid[]) k (program_id, message_id)
            where m.program_id = k.program_id and m.message_id = k.message_id
            """,
            *arrays,
        )


async def list_outdated(
    tx: Tx, program_id: int, made_until: datetime, before: UUID, after: UUID | None, limit: int
) -> list[UUID]:
    """Messages made until an instant, by key: those below an id, after a cursor."""
    rows = await tx.fetch(
        """
        select message_id from message
        where program_id = $1 and created_at <= $2 and message_id < $3
          and ($4::uuid is null or message_id > $4)
        order by message_id limit $5
        """,
        program_id,
        made_until,
        before,
        after,
        limit,
    )
    return [row["message_id"] for row in rows]


async def add_endpoint(  # noqa: PLR0913, PLR0917 - the columns of an endpoint
    tx: Tx,
    program_id: int,
    endpoint_id: UUID,
    url: str,
    name: str,
    types: Sequence[str],
    ordered: bool,  # noqa: FBT001 - a column
    now: datetime,
) -> None:
    """A new endpoint, enabled."""
    await tx.execute(
        """
        insert into endpoint (program_id, endpoint_id, url, name, types, ordered, state, version,
                              created_at, failures)
        values ($1, $2, $3, $4, $5, $6, 'enabled', 1, $7, 0)
        """,
        program_id,
        endpoint_id,
        url,
        name,
        list(types),
        ordered,
        now,
    )


async def count_endpoints(tx: Tx, program_id: int) -> int:
    """Endpoints of a program that are not deleted."""
    row = await tx.fetch_one(
        "select count(*) from endpoint where program_id = $1 and state <> 'deleted'", program_id
    )
    return int(row[0]) if row else 0


async def lock_endpoint(tx: Tx, key: Key) -> Row | None:
    """An endpoint that is not deleted; nobody else claims or changes it until the commit."""
    return await tx.fetch_one(
        """
        select * from endpoint
        where program_id = $1 and endpoint_id = $2 and state <> 'deleted' for update
        """,
        *key,
    )


async def change_endpoint(
    tx: Tx,
    key: Key,
    url: str,
    name: str,
    types: Sequence[str],
    ordered: bool,  # noqa: FBT001 - a column
) -> None:
    """What staff set of an endpoint."""
    await tx.execute(
        """
        update endpoint set url = $3, name = $4, types = $5, ordered = $6, version = version + 1
        where program_id = $1 and endpoint_id = $2
        """,
        *key,
        url,
        name,
        list(types),
        ordered,
    )


async def move_endpoint(tx: Tx, key: Key, state: str, reason: str | None) -> None:
    """Another state of an endpoint; how it answered before counts no more."""
    await tx.execute(
        """
        update endpoint set state = $3, reason = $4, version = version + 1, failures = 0,
               failing_since = null, quiet_until = null
        where program_id = $1 and endpoint_id = $2
        """,
        *key,
        state,
        reason,
    )


async def set_health(tx: Tx, key: Key, health: Health) -> None:
    """How an endpoint has answered lately."""
    await tx.execute(
        """
        update endpoint set failures = $3, failing_since = $4, quiet_until = $5
        where program_id = $1 and endpoint_id = $2
        """,
        *key,
        *structs.astuple(health),
    )


async def add_secret(
    tx: Tx, key: Key, secret_id: UUID, signature: str, sealed: bytes, now: datetime
) -> None:
    """Another secret of an endpoint, that signs from now on."""
    await tx.execute(
        "insert into endpoint_secret values ($1, $2, $3, $4, $5, $6, null)",
        *key,
        secret_id,
        signature,
        sealed,
        now,
    )


async def end_secrets(tx: Tx, key: Key, at: datetime) -> None:
    """Let the secrets that have no end yet sign until then."""
    await tx.execute(
        """
        update endpoint_secret set not_after = $3
        where program_id = $1 and endpoint_id = $2 and not_after is null
        """,
        *key,
        at,
    )


async def end_secret(tx: Tx, key: Key, secret_id: UUID, at: datetime) -> bool:
    """Let a secret end; whether there is such a one."""
    ended = await tx.execute(
        """
        update endpoint_secret set not_after = $4
        where program_id = $1 and endpoint_id = $2 and secret_id = $3
        """,
        *key,
        secret_id,
        at,
    )
    return ended == 1


async def remove_secrets(tx: Tx, key: Key) -> None:
    """Destroy the secrets of an endpoint."""
    await tx.execute("delete from endpoint_secret where program_id = $1 and endpoint_id = $2", *key)


async def load_secrets(tx: Tx, key: Key, now: datetime) -> Sequence[Row]:
    """Secrets of an endpoint that sign now or later, the newest first."""
    return await tx.fetch(
        """
        select * from endpoint_secret
        where program_id = $1 and endpoint_id = $2 and (not_after is null or not_after > $3)
        order by not_before desc, secret_id desc
        """,
        *key,
        now,
    )


async def list_due(tx: Tx, now: datetime) -> list[Key]:
    """Endpoints to which something is to be sent, by message_due_idx; none is always the last."""
    rows = await tx.fetch(
        """
        select program_id, endpoint_id from endpoint e
        where state = 'enabled' and (quiet_until is null or quiet_until <= $1)
          and exists (
            select from message m
            where m.program_id = e.program_id and m.endpoint_id = e.endpoint_id and m.state = 0
              and m.due_at <= $1 and (m.claimed_until is null or m.claimed_until <= $1))
        order by random()
        """,
        now,
    )
    return [(row["program_id"], row["endpoint_id"]) for row in rows]


async def count_claimed(tx: Tx, key: Key, now: datetime) -> int:
    """Messages of an endpoint that are on their way, by message_claimed_idx."""
    row = await tx.fetch_one(
        """
        select count(*) from message
        where program_id = $1 and endpoint_id = $2 and claimed_until > $3
        """,
        *key,
        now,
    )
    return int(row[0]) if row else 0


async def claim(
    tx: Tx, key: Key, limit: int, now: datetime, lease: timedelta, *, ordered: bool
) -> list[Claimed]:
    """Messages that are due, the oldest first, for this process until the lease ends.

    `ordered`: of each subject only the first that is still to be sent. Those whose lease ended
    without a result are due again.
    """
    first = """
        and not exists (
            select from message o
            where o.program_id = m.program_id and o.endpoint_id = m.endpoint_id
              and o.subject = m.subject and o.state = 0 and o.place < m.place)
        """
    rows = await tx.fetch(
        f"""
        update message c set claimed_until = $4
        from (
            select m.message_id from message m
            where m.program_id = $1 and m.endpoint_id = $2 and m.state = 0 and m.due_at <= $3
              and (m.claimed_until is null or m.claimed_until <= $3) {first if ordered else ""}
            order by m.due_at, m.place limit $5 for update skip locked
        ) d
        where c.program_id = $1 and c.message_id = d.message_id
        returning c.program_id, c.message_id, c.endpoint_id, c.body, c.step, c.attempts,
                  c.claimed_until
        """,
        *key,
        now,
        now + lease,
        limit,
    )
    return [Claimed(*row) for row in rows]


async def settle(tx: Tx, message: Claimed, state: int, due_at: datetime) -> bool:
    """What becomes of a claimed message; False when the claim is not this process's any more."""
    settled = await tx.execute(
        """
        update message set state = $4, due_at = $5, step = step + 1, attempts = attempts + 1,
               claimed_until = null
        where program_id = $1 and message_id = $2 and claimed_until = $3
        """,
        message.program_id,
        message.message_id,
        message.claimed_until,
        state,
        due_at,
    )
    return settled == 1


async def add_attempt(tx: Tx, message: Claimed, result: Result, at: datetime) -> None:
    """Keep what came of an attempt."""
    await tx.execute(
        "insert into attempt values ($1, $2, $3, $4, $5, $6, $7, $8)",
        message.program_id,
        message.message_id,
        message.attempts + 1,
        at,
        result.status,
        result.error,
        result.took_ms,
        result.answer,
    )


async def endpoint_of(tx: Tx, key: Key) -> UUID | None:
    """The endpoint that a message is for; it is locked before the message is."""
    row = await tx.fetch_one(
        "select endpoint_id from message where program_id = $1 and message_id = $2", *key
    )
    return row["endpoint_id"] if row else None


async def replay(tx: Tx, program_id: int, messages: Sequence[UUID], now: datetime) -> int:
    """Let messages that are not on their way go out again, from the first attempt on."""
    return await tx.execute(
        """
        update message set state = 0, step = 0, due_at = $3, claimed_until = null
        where program_id = $1 and message_id = any($2::uuid[])
          and (claimed_until is null or claimed_until <= $3)
        """,
        program_id,
        list(messages),
        now,
    )


async def list_between(
    tx: Tx, key: Key, since: UUID, until: UUID, states: Sequence[int], limit: int
) -> list[UUID]:
    """Messages of an endpoint between two ids, the second excluded, by message_list_idx."""
    rows = await tx.fetch(
        """
        select message_id from message
        where program_id = $1 and endpoint_id = $2 and message_id >= $3 and message_id < $4
          and state = any($5::smallint[])
        order by message_id limit $6
        """,
        *key,
        since,
        until,
        list(states),
        limit,
    )
    return [row["message_id"] for row in rows]
