"""Connections as intake needs them, kept in memory: the direct path makes no database call."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from services.gateway import store
from services.gateway.model import MEMBER, WEBHOOK, Connection, Secret
from services.gateway.settings import CONNECTION, FAMILY
from shared.clock import monotonic
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, statements
from shared.ids import text_id
from shared.programs import LIVE
from shared.sealing import KeyRing
from shared.settings import store as settings

FRESH_SECONDS: Final = 5.0
"""A paused connection, a closed program or a new secret is known everywhere after so long."""
AGAIN_SECONDS: Final = 1.0
"""How often a database that is away is asked about a connection."""
MOST: Final = 10_000
SECRET_PURPOSE: Final = "webhook-secret"  # noqa: S105 - a label
CREDENTIAL_PURPOSE: Final = "credential"
IDENTITY_PURPOSE: Final = "identity-key"


class Connections:
    """Looks connections up by id; unknown ids are remembered too, so that they cost nothing."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._known: dict[UUID, tuple[float, Connection | None]] = {}

    async def find(self, connection_id: UUID) -> Connection | None:
        """The connection; None for an id that nobody has. Stale only while the database is away."""
        read_at, known = self._known.get(connection_id, (-FRESH_SECONDS, None))
        if monotonic() - read_at < FRESH_SECONDS:
            return known
        try:
            async with statements(self._database, wait_seconds=1.0) as tx:
                found = await self.read(tx, connection_id, known)
        except Exception:
            if known is None:
                raise
            self._known[connection_id] = (monotonic() - FRESH_SECONDS + AGAIN_SECONDS, known)
            return known
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[connection_id] = (monotonic(), found)
        return found

    def forget(self, connection_id: UUID) -> None:
        """It was changed here: read it anew."""
        self._known.pop(connection_id, None)

    def forget_program(self, program: str) -> None:
        """Its state was changed here, or that of one of its stores: read its connections anew."""
        for connection_id, (_, known) in list(self._known.items()):
            if known is not None and known.program == program:
                self.forget(connection_id)

    def _secret(self, text: str, row: Row, unsealed: Mapping[str, str]) -> Secret:
        identity = text_id("sec", row["secret_id"])
        value = unsealed.get(identity)
        if value is None:
            value = self._keys.unseal(SECRET_PURPOSE, text, row["sealed"]).decode()
        return Secret(identity, value, row["not_before"], row["not_after"])

    def _credentials(self, text: str, sealed: bytes | None) -> dict[str, str]:
        if sealed is None:
            return {}
        plain = self._keys.unseal(CREDENTIAL_PURPOSE, text, sealed)
        return msgspec.json.decode(plain, type=dict[str, str])

    async def read(
        self, tx: Tx, connection_id: UUID, known: Connection | None = None
    ) -> Connection | None:
        """The connection as it is now. Secrets that are `known` are not unsealed again."""
        row = await store.load_connection(tx, connection_id)
        if row is None:
            return None
        text = text_id("whk", connection_id)
        program = text_id("prg", row["public_id"])
        before = () if known is None else (*known.secrets, *known.member_secrets)
        unsealed = {each.text_id: each.value for each in before}
        secrets: dict[str, list[Secret]] = {WEBHOOK: [], MEMBER: []}
        for each in await store.load_secrets(tx, row["program_id"], connection_id):
            secrets[each["kind"]].append(self._secret(text, each, unsealed))
        owners = (row["program_status"], row["store_status"])
        published = await settings.load(tx, [CONNECTION], [row["program_id"]])
        return Connection(
            id=connection_id,
            text_id=text,
            program_id=row["program_id"],
            program=program,
            time_zone=row["time_zone"],
            region=row["region"],
            store=text_id("sto", row["store_id"]),
            source=row["source"],
            state=row["state"] if LIVE.issuperset(owners) else "closed",
            mode=row["mode"],
            secrets=tuple(secrets[WEBHOOK]),
            member_secrets=tuple(secrets[MEMBER]),
            identity_key=self._keys.unseal(IDENTITY_PURPOSE, program, row["identity_key"]),
            credentials=self._credentials(text, row["credential"]),
            credentials_end_at=row["credential_expires_at"],
            settings=published.of(row["program_id"], FAMILY + text),
        )
