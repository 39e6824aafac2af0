"""Whether a process can do its work, and could ever have: what `/readyz` and `/startupz` answer.

Each answer is a code and words: of what is missing first.
"""

from typing import Final

from shared.config import Config
from shared.db.engine import AWAY, ERRORS, Database
from shared.db.migrate import Schema, reached
from shared.db.transaction import Tx, statements
from shared.errors import Unavailable
from shared.events.catalogue import topics
from shared.stream.port import Stream

Why = tuple[str, str]
"""Why a process is not ready: a stable code, and words."""
WAIT_SECONDS: Final = 1.0


async def unready(database: Database, schema: Schema) -> Why | None:
    """`database` or `schema`; None when both are as this version needs them."""
    try:
        async with statements(database, wait_seconds=WAIT_SECONDS) as tx:
            if not await reached(tx, schema):
                return "schema", "The schema is older than this version: run `shuke migrate`."
    except (*AWAY, *ERRORS, TimeoutError, Unavailable) as error:
        return "database", f"The database does not answer: {type(error).__name__}."
    return None


async def unstarted(
    database: Database, schema: Schema, stream: Stream | None, config: Config
) -> Why | None:
    """As `unready`, and `durability`, `log` or `topics` (of a process that uses the log)."""
    why = await unready(database, schema)
    if why is not None:
        return why
    async with statements(database, wait_seconds=WAIT_SECONDS) as tx:
        loss = await losing(tx, config)
    if loss is not None:
        return "durability", loss
    return None if stream is None else await _topicless(stream)


async def losing(tx: Tx, config: Config) -> str | None:
    """Why a commit would not survive a crash of the server; None where it does, or in tests."""
    row = await tx.fetch_one(
        """
        select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages
        """
    )
    assert row is not None
    if config.profile == "test":
        return None
    if row["fsync"] == "off":
        return "fsync is off: a crash of the server would lose what it acknowledged"
    if row["pages"] == "off" and config.storage_guarantees != "managed":
        return (
            "full_page_writes is off: set SHUKE_ALLOW_STORAGE_GUARANTEES=managed only where the "
            "storage cannot tear a page"
        )
    return None


async def _topicless(stream: Stream) -> Why | None:
    wanted = {topic.name: topic.partitions for topic in topics()}
    try:
        found = await stream.partitions(list(wanted))
    except Unavailable as error:
        return "log", f"The event log does not answer: {error}"
    for name, partitions in wanted.items():
        if name not in found:
            return "topics", f"There is no topic {name}: run `shuke topics`."
        if found[name] != partitions:
            return "topics", f"Topic {name} has {found[name]} partitions instead of {partitions}."
    return None
