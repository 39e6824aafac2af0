"""The face of a program's member centre: what anybody may know of it."""

from typing import Any, Final

from services.gateway.decoration.documents import published
from services.gateway.shoppers import store
from services.gateway.shoppers.sessions import WAIT_SECONDS
from services.gateway.visiting import Visit
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.errors import HttpProblem
from shared.http.reading import known_id
from shared.http.throttling import Throttle
from shared.ids import text_id

SEEN: Final = frozenset({"open", "paused"})
"""States of a program in which shoppers may look at what is theirs."""
MOST: Final = 600
"""So many an address may ask for within a minute; many phones may share one."""


class Centres:
    """Tells faces. `codes`: whether there is a way to send codes to phones."""

    def __init__(self, database: Database, *, codes: bool) -> None:
        self._database = database
        self._codes = codes
        self._throttle = Throttle(MOST)

    async def find(self, program: str, visit: Visit) -> dict[str, Any]:
        """The face of a program. Raises 404 for one that is not there, 429 `slow-down`."""
        identity = known_id("prg", program, "program")
        wait = self._throttle.count(visit.address)
        if wait is not None:
            raise HttpProblem(
                429, "slow-down", f"Try again in {wait} s.", headers={"Retry-After": str(wait)}
            )
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            row = await store.find_program(tx, identity)
            if row is None or row["status"] not in SEEN:
                raise HttpProblem(404, "not-found", "No such program.")
            decoration = await published(tx, row["program_id"], visit.at)
        return {
            "program_id": text_id("prg", row["public_id"]),
            "name": row["name"],
            "currency": row["currency"],
            "timezone": row["time_zone"],
            "codes": self._codes,
            "decoration": decoration,
        }
