"""Calls of a connection, by credentials that are good: a token among them is renewed in time.

A token is renewed a day before it ends, and at once when the platform does not know it any more.
One worker does that at a time, by a claim in the credential's row; the others go on with the token
they have, or try later. New credentials end a claim, so a token that was got by older ones is not
kept. A call's URL may hold the token: it is never logged.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import msgspec
from msgspec import ValidationError

from services.gateway import NAME
from services.gateway.connections import CREDENTIAL_PURPOSE, Connections
from services.gateway.connectors import FETCHERS, FOLLOWED, RENEWING
from services.gateway.connectors.port import (
    Call,
    Credentials,
    Fetch,
    Heard,
    NotAuthorised,
    Renewing,
    TokenOver,
    TryLater,
)
from services.gateway.fetching import store
from services.gateway.fetching.asking import Asking
from services.gateway.model import Answer, Connection, Invalid
from services.gateway.rules.reading import hear_detail
from shared.db.transaction import statements
from shared.logs import logger
from shared.service import Tasking

AHEAD: Final = timedelta(hours=24)
"""So long before its end a token is renewed."""
CLAIM: Final = timedelta(seconds=60)
"""Nor is it renewed more often than that."""
Make = Callable[[Credentials, str, datetime], Call]
"""A call: by these credentials, to where calls go, at that time."""
Said = TypeVar("Said")


class Calling:
    """Makes calls of connections and reads the answers."""

    def __init__(self, tasking: Tasking, asking: Asking) -> None:
        self._database = tasking.database
        self._keys = tasking.keys
        self._metrics = tasking.around.metrics
        self._connections = Connections(tasking.database, tasking.keys)
        self._asking = asking

    async def ask(
        self,
        connection: Connection,
        make: Make,
        read: Callable[[bytes], Said],
        now: datetime,
    ) -> Said:
        """What the answer to a call says.

        Raises TryLater, NotAuthorised, or as `read` does.
        """
        source = RENEWING.get(connection.source)
        if source is None or not source.renews(connection.credentials):
            return read(await self._send(connection, make, now))
        if _lacks(source, connection, now + AHEAD):
            connection = await self._ahead(source, connection, now)
        try:
            return read(await self._send(connection, make, now))
        except TokenOver:
            connection = await self._renew(source, connection, now)
        return read(await self._send(connection, make, now))

    async def detail(
        self, connection: Connection, wanted: Fetch, now: datetime
    ) -> tuple[bytes, Heard | Answer]:
        """A detail as its platform tells it, and what that says. Raises TryLater, NotAuthorised."""
        source, followed = FETCHERS[connection.source], FOLLOWED.get(connection.source)
        settings = connection.settings_at(now)

        def read(raw: bytes) -> tuple[bytes, Heard | Answer]:
            return raw, hear_detail(source, wanted, raw, settings)

        if followed is None:
            return await self.ask(connection, partial(source.call, wanted), read, now)
        raw = await self.ask(connection, partial(source.call, wanted), bytes, now)
        with suppress(msgspec.DecodeError):  # the reader says what is wrong with it
            further = followed.further(wanted, raw)
            if further is not None:
                more = await self.ask(connection, partial(source.call, further), bytes, now)
                raw = followed.joined(raw, more)
        return read(raw)

    async def _send(self, connection: Connection, make: Make, now: datetime) -> bytes:
        call = make(connection.credentials, self._asking.base(connection, now), now)
        return await self._asking.send(connection, call)

    async def _ahead(self, source: Renewing, connection: Connection, now: datetime) -> Connection:
        """The connection with a new token; with the one it has, where that fails and it is good."""
        try:
            return await self._renew(source, connection, now)
        except (TryLater, NotAuthorised) as error:
            if _over(source, connection, now):
                raise
            if isinstance(error, NotAuthorised):
                self._metrics.count("fetch_total", source.SOURCE, "not-authorised")
                reason = str(error)[:200]
                logger(NAME).error("renew", connection=connection.text_id, reason=reason)
            return connection

    async def _renew(self, source: Renewing, connection: Connection, now: datetime) -> Connection:
        """The connection with a newer token. Raises TryLater, NotAuthorised.

        It is read anew behind the claim: credentials that are given from then on end the claim.
        """
        place, until = (connection.program_id, connection.id), now + CLAIM
        had = connection.credentials.get(source.TOKEN)
        async with statements(self._database) as tx:
            claimed = await store.claim_renewal(tx, *place, now, until)
        found = await self._read(connection)
        if claimed and found.credentials.get(source.TOKEN) in {None, had}:
            values, ends = await self._renewed(source, found, now)
            plain = msgspec.json.encode({**found.credentials, **values})
            sealed = self._keys.seal(CREDENTIAL_PURPOSE, connection.text_id, plain)
            async with statements(self._database) as tx:
                await store.keep_renewed(tx, *place, until, sealed, ends)
            found = await self._read(connection)
        if found.credentials.get(source.TOKEN) in {None, had}:
            raise TryLater("its token is being renewed")
        return found

    async def _renewed(
        self, source: Renewing, connection: Connection, now: datetime
    ) -> tuple[Credentials, datetime]:
        """What the platform gives by the credentials."""
        raw = await self._send(connection, source.renew, now)
        try:
            return source.renewed(raw, now)
        except (Invalid, ValidationError, msgspec.DecodeError) as error:
            raise TryLater(f"no token to be read: {error}") from error

    async def _read(self, connection: Connection) -> Connection:
        """The connection as it is now."""
        async with statements(self._database) as tx:
            found = await self._connections.read(tx, connection.id)
        assert found is not None
        return found


def _lacks(source: Renewing, connection: Connection, at: datetime) -> bool:
    """Whether a connection has no token that is known to be still good then."""
    return connection.credentials_end_at is None or _over(source, connection, at)


def _over(source: Renewing, connection: Connection, at: datetime) -> bool:
    """Whether a connection has no token, or one that is known to have ended then."""
    end = connection.credentials_end_at
    return source.TOKEN not in connection.credentials or (end is not None and end <= at)
