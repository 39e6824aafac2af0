"""Advisory locks, their names, and those of the channels that processes wake each other by."""

from collections.abc import Iterable
from hashlib import blake2b

from shared.db.transaction import Tx


def channel(service: str) -> str:
    """What processes without the relay notify after a commit."""
    return f"outbox_{service}"


def rebuilding(service: str) -> str:
    """Name of the lock of who makes a service's tables anew."""
    return f"rebuild:{service}"


def lock_key(name: str) -> int:
    """Key of a session advisory lock by name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


_RULES = "hashtextextended('rules ' || current_schema() || ' ' || program, 0)"


async def keep_rules(tx: Tx, programs: Iterable[str]) -> None:
    """Until the transaction ends, nobody changes what these programs' decisions go by.

    Settings and the boundary up to which sweeps have begun are read without locks of their rows.
    """
    await tx.fetch(
        f"select pg_advisory_xact_lock_shared({_RULES}) from unnest($1::text[]) program",
        sorted(programs),
    )


async def change_rules(tx: Tx, program: str) -> None:
    """Wait for whoever decides by the rules of a program; from the commit on all see the new ones.

    So of a decision and a change it is certain which came first, and the journal says so.
    """
    await tx.fetch(f"select pg_advisory_xact_lock({_RULES}) from (select $1::text) p (program)",
                   program)  # fmt: skip
