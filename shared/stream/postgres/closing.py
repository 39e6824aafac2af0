"""A log that takes nothing more, because it goes on elsewhere.

Whoever appends is told that the log is away, as while a server is: the gateway keeps deliveries in
its outbox, relays try again. So nothing is lost, however long it lasts.
"""

from typing import Final

from shared.db.engine import AWAY, ERRORS, Database
from shared.db.transaction import transaction
from shared.errors import Unavailable

_CLOSE: Final = """
create or replace function closed() returns trigger language plpgsql as $$
begin
  raise exception 'the log in PostgreSQL is closed: it goes on in Kafka'
    using errcode = 'cannot_connect_now',
    hint = 'Set KAFKA_BOOTSTRAP_SERVERS, or go back with `shuke stream reopen`.';
end $$;
create or replace trigger closed before update on head
  for each statement execute function closed();
"""


async def close(database: Database) -> None:
    """Let nobody append any more. Waits for appends under way; Unavailable when they take long."""
    await _run(database, _CLOSE)


async def reopen(database: Database) -> None:
    """Take appends again."""
    await _run(database, "drop trigger if exists closed on head")


async def _run(database: Database, script: str) -> None:
    try:
        async with transaction(database) as tx:
            await tx.execute(script)
    except (*AWAY, *ERRORS) as error:
        raise Unavailable(f"event log: {error}") from error
