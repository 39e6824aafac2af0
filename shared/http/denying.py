"""Who was denied what, on record: permissions that were missing, keys that were not taken.

Of a caller, or of an address that tries keys, a few a minute are written down; a flood is not.
"""

from typing import Final

from fastapi import Request

from shared.audit.deeds import Actor, Deed, record
from shared.db.engine import AWAY, ERRORS, Database
from shared.db.transaction import transaction
from shared.errors import HttpProblem
from shared.http.acting import actor, somebody
from shared.http.throttling import Throttle
from shared.http.tokens import Caller, Refusal
from shared.logs import logger

DENIED: Final = "access.deny"
REFUSED: Final = "keys.refuse"
MOST: Final = 20
"""Entries of one caller or address a minute."""
NOBODY: Final = "unknown"


class Denials:
    """Writes denials of one app."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._throttle = Throttle(MOST)

    async def note(self, request: Request, problem: HttpProblem) -> None:
        """Put a denial on record, if the problem is one and its author has not had many lately.

        The answer does not depend on it: what cannot be written is told in the log.
        """
        found = _denied(request, problem)
        if found is None:
            return
        who, deed = found
        known = who.address if who.id == NOBODY else who.id
        if self._throttle.count(known) is not None:
            return
        try:
            async with transaction(self._database, wait_seconds=1.0) as tx:
                await record(tx, who, deed)
        except (*AWAY, *ERRORS, TimeoutError) as error:
            logger(self._database.schema).warning("audit", error=repr(error)[:200])


def _denied(request: Request, problem: HttpProblem) -> tuple[Actor, Deed] | None:
    """Who was denied what; None: the problem denies nobody anything."""
    where = f"{request.method} {getattr(request.scope.get('route'), 'path', '')}"
    caller: Caller | None = getattr(request.state, "caller", None)
    if problem.status == 403 and caller is not None:  # noqa: PLR2004 - forbidden
        deed = Deed(DENIED, where, caller.program, reason=problem.detail)
        return actor(request, caller), deed
    refusal: Refusal | None = getattr(request.state, "refusal", None)
    if problem.status == 401 and refusal is not None and refusal.of_key:  # noqa: PLR2004
        program, who = None, somebody(request, "key", NOBODY)
        if refusal.caller is not None:
            program, who = refusal.caller.program, actor(request, refusal.caller)
        return who, Deed(REFUSED, who.id, program, reason=str(refusal))
    return None
