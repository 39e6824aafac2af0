"""SQL of tries to sign in. One statement a function."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.gateway.staff.model import Tries
from shared.db.transaction import Tx


async def begin_tries(tx: Tx, subjects: Sequence[str]) -> None:
    """See that there is a row for each account or address."""
    await tx.execute(
        """
        insert into login_tries select subject, '{}', 0, null
        from unnest($1::text[]) subject order by subject on conflict do nothing
        """,
        list(subjects),
    )


async def lock_tries(tx: Tx, subjects: Sequence[str]) -> Mapping[str, Tries]:
    """What is remembered of accounts and addresses, each by itself until the commit."""
    rows = await tx.fetch(
        "select * from login_tries where subject = any($1::text[]) order by subject for update",
        list(subjects),
    )
    return {
        row["subject"]: Tries(tuple(row["at"]), row["failures"], row["failed_at"]) for row in rows
    }


async def save_tries(tx: Tx, tries: Mapping[str, Tries]) -> None:
    """Write what is remembered."""
    await tx.execute_many(
        "update login_tries set at = $2, failures = $3, failed_at = $4 where subject = $1",
        [
            (subject, list(each.at), each.failures, each.failed_at)
            for subject, each in sorted(tries.items())
        ],
    )


async def take_back(tx: Tx, before: Mapping[str, Tries], tried_at: datetime) -> None:
    """A try was no failure: the last one is when it was before, unless there was another since."""
    await tx.execute_many(
        """
        update login_tries set failures = greatest(failures - 1, 0),
          failed_at = case when failed_at = $2 then $3 else failed_at end
        where subject = $1
        """,
        [(subject, tried_at, each.failed_at) for subject, each in sorted(before.items())],
    )


async def clear_failures(tx: Tx, subject: str) -> None:
    """Whoever an account is of has proven it."""
    await tx.execute("update login_tries set failures = 0 where subject = $1", subject)


async def forget_tries(tx: Tx, before: datetime) -> None:
    """Delete what is too old to count."""
    await tx.execute(
        """
        delete from login_tries
        where coalesce(failed_at, at[cardinality(at)], '-infinity') < $1
        """,
        before,
    )
