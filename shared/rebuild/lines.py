"""The lines of a journal, each once, while the service goes on writing it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from shared.db.engine import Database
from shared.db.transaction import Tx, statements

LINES: Final = 500


class Line(Struct, frozen=True):
    """One transaction of the service."""

    no: int
    kind: int
    what: Mapping[str, Any]


class Lines:
    """What is to be read next.

    A number that is missing between two lines may belong to a transaction that has not ended. It is
    waited for until all that had begun by then have; then it belongs to one that was rolled back.
    """

    def __init__(self) -> None:
        self._last = 0
        self._missing: dict[int, int] = {}
        """Numbers not seen yet, with a transaction id that none of their writers can have."""
        self._new: list[int] = []

    async def next(self, tx: Tx) -> Sequence[Line]:
        """Lines that a snapshot sees and that were not read before, in their order; none: all."""
        rows = await tx.fetch(
            """
            select no, kind, what, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest
            from journal where no > $1 or no = any($2::bigint[]) order by no limit $3
            """,
            self._last,
            sorted(self._missing),
            LINES,
        )
        seen = {row["no"] for row in rows}
        if rows:
            oldest = rows[0]["oldest"]
            self._missing = {
                no: bound
                for no, bound in self._missing.items()
                if no not in seen and bound > oldest
            }
            newest = max(*seen, self._last)
            self._new += [no for no in range(self._last + 1, newest) if no not in seen]
            self._last = newest
        return [Line(row["no"], row["kind"], json.loads(row["what"])) for row in rows]

    async def bound(self, database: Database) -> None:
        """After a snapshot: whoever has drawn a number that is missing began before now."""
        if self._new:
            async with statements(database) as tx:
                row = await tx.fetch_one("select pg_current_xact_id()::text::bigint")
            assert row is not None
            self._missing |= dict.fromkeys(self._new, row[0])
            self._new = []
