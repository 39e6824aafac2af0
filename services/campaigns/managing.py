"""Commands that need no key of their own: If-Match or the campaign's id keeps them from repeating.

The same load, decide and save as for events; there is no second path to a rule.
"""

from typing import Any

from services.campaigns import NAME
from services.campaigns.flow import FLOW
from shared import commands
from shared.audit.deeds import Actor, Deed
from shared.db import programs
from shared.db.engine import Database
from shared.db.locks import channel
from shared.db.transaction import notify, transaction
from shared.effect import effect
from shared.errors import HttpProblem
from shared.flow import Command
from shared.outcome import Outcome, Refused
from shared.random_ids import random_id


async def carry_out(
    database: Database,
    program: str,
    actor: Actor,
    data: Any,  # noqa: ANN401 - a command value of the service
    deed: Deed,
) -> Outcome:
    """Decide a command in a transaction of its own.

    Raises HttpProblem: 404 for an unknown program, 409 `program-closed`.
    """
    item = Command(random_id(), program, actor.at, actor.id, data)
    async with transaction(database, wait_seconds=1.0) as tx:
        known = await programs.load(tx)
        if program not in known:
            raise HttpProblem(404, "not-found", "No such program.")
        commands.admit(known[program])
        fold = await effect(tx, NAME, FLOW, [item], known)
        if fold.failures:
            raise fold.failures[0].error
        outcome = fold.outcomes[item.id]
        if not isinstance(outcome, Refused):
            await commands.keep(tx, known[program], actor, item, deed)
    await notify(database, channel(NAME))
    return outcome
