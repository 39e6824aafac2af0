"""Trying a connection: what came last, and for those that are asked whether they answer."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
from msgspec import ValidationError

from services.gateway.connectors import LISTERS, can_fetch
from services.gateway.connectors.port import NotAuthorised, Page, TryLater
from services.gateway.fetching import store
from services.gateway.fetching.asking import Asking
from services.gateway.fetching.calling import Calling
from services.gateway.model import Connection, Invalid
from shared.db.transaction import statements
from shared.service import Tasking

BACK: Final = timedelta(hours=1)
"""What changed lately is asked for: a call that changes nothing."""


class Trying:
    """Makes one harmless call of a connection."""

    def __init__(self, tasking: Tasking, asking: Asking) -> None:
        self._database = tasking.database
        self._calling = Calling(tasking, asking)

    async def call(self, connection: Connection, now: datetime) -> str | None:
        """What is wrong with calls of a connection; None: its platform answers as it should.

        Asked only where the connection has its credentials.
        """
        source = LISTERS[connection.source]
        changed = partial(source.changed, now - BACK, now, Page())
        try:
            await self._calling.ask(connection, changed, source.listed, now)
        except (TryLater, NotAuthorised, Invalid, ValidationError, msgspec.DecodeError) as error:
            return str(error)[:200]
        async with statements(self._database, wait_seconds=1.0) as tx:
            await store.note_trouble(tx, connection.program_id, connection.id, None)
        return None


def is_asked(connection: Connection) -> bool:
    """Whether a connection can be tried by a call."""
    return connection.source in LISTERS and can_fetch(connection)
