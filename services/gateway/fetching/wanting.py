"""Wanting a detail: what a notification points to is committed before the shop is answered."""

from datetime import datetime
from uuid import UUID

from services.gateway.connectors import FETCHERS, can_fetch
from services.gateway.connectors.port import Fetch
from services.gateway.fetching import store
from services.gateway.fetching.model import OPEN, OVERTAKEN, UNSURE, Wanted, ask
from services.gateway.model import NEEDS_CONFIRMATION, Answer, Connection
from shared.db.engine import Database
from shared.db.transaction import Tx, transaction


class Wanting:
    """What the API does with notifications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def want(
        self, connection: Connection, fetch: Fetch, delivery: UUID, now: datetime
    ) -> Answer:
        """Let the worker fetch something; what the delivery that points to it comes to."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            return await want(tx, connection, fetch, delivery, now)


async def want(
    tx: Tx,
    connection: Connection,
    fetch: Fetch,
    delivery: UUID,
    now: datetime,
    *,
    again: bool = False,
) -> Answer:
    """Want a detail within the caller's transaction. `again`: whatever version is known."""
    named = f"{fetch.kind} {fetch.number}"[:100]
    ready = can_fetch(connection)
    wanted = Wanted(
        program_id=connection.program_id,
        connection_id=connection.id,
        kind=fetch.kind,
        number=fetch.number[:128],
        of_order=fetch.order[:128],
        currency=fetch.currency[:3],
        version=fetch.version,
        state=OPEN if ready else UNSURE,
        due_at=now if again else now + FETCHERS[connection.source].SETTLES,
        attempts=0,
        since=now,
        delivery_id=delivery,
    )
    before = (await store.lock_wanted(tx, [wanted.key])).get(wanted.key)
    row = ask(before, wanted, again=again)
    if row is None:
        return Answer("duplicate", reason=f"{named}: version {fetch.version} is known")
    await store.put_wanted(tx, [row])
    if before is not None and before.delivery_id != delivery:
        await store.note_overtaken(tx, [(before.program_id, before.delivery_id)], OVERTAKEN)
    if not ready:
        return Answer("waiting", reason=f"{NEEDS_CONFIRMATION} {named}")
    return Answer("fetching", reason=named)
