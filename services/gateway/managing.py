"""What staff make at the gateway for a program: connections, secrets, keys.

Each is one transaction; whatever is secret is shown once and kept sealed or hashed.
"""

import base64
import secrets
import string
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from services.gateway import store
from services.gateway.connections import CREDENTIAL_PURPOSE, SECRET_PURPOSE
from services.gateway.connectors import PULLERS, needed
from services.gateway.fetching import store as fetching
from services.gateway.fetching.pulling import CHANGES, pulled
from services.gateway.keys import new_key
from services.gateway.schemas import ChangedConnection, NewConnection, NewKey, wrong_secret
from shared.audit.deeds import Actor, Deed, record
from shared.commands import expect
from shared.days import render
from shared.db.engine import Database
from shared.db.transaction import Tx, transaction
from shared.errors import FieldError, HttpProblem
from shared.http.matching import match, versioned
from shared.ids import parse_id, text_id, uuid_of
from shared.random_ids import random_id, uuid7
from shared.sealing import KeyRing

MOST_SECRETS: Final = 5
KEY_BYTES: Final = 32
PLAIN_LENGTH: Final = 40
_PLAIN: Final = string.ascii_letters + string.digits


def new_secret(source: str) -> str:
    """What a shop is to sign with. WooCommerce spoils other characters than letters and digits."""
    if source == "woocommerce":
        return "".join(secrets.choice(_PLAIN) for _ in range(PLAIN_LENGTH))
    return "whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class Managing:
    """Makes and changes what belongs to programs."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys

    async def add_connection(
        self, program: str, wanted: NewConnection, now: datetime
    ) -> tuple[UUID, tuple[str, str] | None]:
        """A new connection: its id, and its first secret's id and text, which is shown this once.

        Without a secret where nothing is delivered, but pulled.
        """
        connection_id = random_id()
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._program(tx, program)
            store_id = parse_id("sto", wanted.store_id)
            place = await store.find_store(tx, row["program_id"], store_id)
            if place is None:
                raise HttpProblem(404, "not-found", "No such store.")
            expect("program", row["status"])
            expect("store", place["status"])
            await store.add_connection(
                tx,
                row["program_id"],
                connection_id,
                store_id,
                wanted.source,
                "active",
                wanted.name,
                wanted.mode,
                now,
            )
            if wanted.source in PULLERS:
                return connection_id, None
            secret = wanted.secret or new_secret(wanted.source)
            owner = (row["program_id"], connection_id)
            secret_id = await self._keep_secret(tx, owner, secret, now)
        return connection_id, (secret_id, secret)

    async def add_secret(
        self, program: str, connection_id: UUID, given: str | None, now: datetime
    ) -> tuple[str, str]:
        """Another secret of a connection, at most five at a time: its id, the secret."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            wrong = wrong_secret(found["source"], given)
            if found["source"] in PULLERS:
                wrong = "A connection that is pulled has no secret"
            if wrong is not None:
                errors = [FieldError("/secret", "invalid", wrong)]
                raise HttpProblem(422, "invalid", f"{wrong}.", errors=errors)
            place = (found["program_id"], connection_id)
            count = await store.count_secrets(tx, *place, now)
            if count >= MOST_SECRETS:
                raise HttpProblem(
                    409, "state-conflict", f"A connection has at most {MOST_SECRETS} secrets."
                )
            secret = given or new_secret(found["source"])
            return await self._keep_secret(tx, place, secret, now), secret

    async def _keep_secret(
        self, tx: Tx, place: tuple[int, UUID], secret: str, now: datetime
    ) -> str:
        program_id, connection_id = place
        secret_id = uuid7(now)
        sealed = self._keys.seal(SECRET_PURPOSE, text_id("whk", connection_id), secret.encode())
        await store.add_secret(tx, program_id, connection_id, secret_id, sealed, now)
        return text_id("sec", secret_id)

    async def put_credentials(
        self,
        program: str,
        connection_id: UUID,
        values: Mapping[str, str],
        expires_at: datetime | None,
        now: datetime,
    ) -> None:
        """Keep what calls of a connection are signed with; what waited for that goes on."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            names = needed(found["source"])
            if set(values) != set(names):
                message = f"must have exactly {', '.join(names)}" if names else "must be empty"
                raise HttpProblem(
                    422, "invalid", "1 field is not valid.",
                    errors=[FieldError("/values", "names", message)],
                )  # fmt: skip
            place = (found["program_id"], connection_id)
            plain = msgspec.json.encode(dict(values))
            sealed = self._keys.seal(CREDENTIAL_PURPOSE, text_id("whk", connection_id), plain)
            await fetching.put_credential(tx, *place, sealed, now, expires_at)
            waited = await fetching.release_unsure(tx, *place, now)
            await fetching.mark_fetching(tx, place[0], waited)
            for kind in pulled(found["source"]):
                await fetching.start_pull(tx, *place, kind, now)

    async def reconcile(self, program: str, connection_id: UUID, now: datetime) -> None:
        """Compare with the shop now. Raises HttpProblem where its platform is never asked."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            if CHANGES not in pulled(found["source"]) or found["credential"] is None:
                raise HttpProblem(
                    409, "state-conflict", "Its platform cannot be asked what has changed."
                )
            await fetching.start_pull(tx, found["program_id"], connection_id, CHANGES, now)

    async def end_secret(
        self, program: str, connection_id: UUID, secret_id: UUID, at: datetime
    ) -> None:
        """Let a secret end."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._program(tx, program)
            if not await store.end_secret(tx, row["program_id"], connection_id, secret_id, at):
                raise HttpProblem(404, "not-found", "No such secret.")

    async def change_connection(
        self, program: str, connection_id: UUID, wanted: ChangedConnection, seen: str | None
    ) -> None:
        """Change what is named, of a connection whose ETag was `seen`. Raises 428 and 412."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            match(seen, versioned(found["version"]))
            name = found["name"] if wanted.name is None else wanted.name
            mode = wanted.mode or found["mode"]
            await store.change_connection(tx, found["program_id"], connection_id, name, mode)

    async def move_connection(
        self, program: str, connection_id: UUID, state: str, allowed: Sequence[str]
    ) -> None:
        """Pause, resume or close a connection."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            moved = await store.set_connection_state(
                tx, found["program_id"], connection_id, state, allowed
            )
            if not moved:
                raise HttpProblem(
                    409, "state-conflict", f"It is {found['state']}; that needs {allowed}."
                )

    async def add_key(self, program: str, wanted: NewKey, actor: Actor) -> dict[str, Any]:
        """A new API key, its text shown this once."""
        text, digest = new_key()
        key_id = uuid7(actor.at)
        expires_at = actor.at + timedelta(days=wanted.expires_days)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._program(tx, program)
            await store.add_key(
                tx,
                row["program_id"],
                key_id,
                wanted.name,
                digest,
                wanted.permissions,
                wanted.stores,
                wanted.cidrs,
                expires_at,
                actor.id,
                actor.at,
            )
            await record(tx, actor, Deed("keys.create", text_id("key", key_id), program))
        return {
            "key_id": text_id("key", key_id),
            "name": wanted.name,
            "permissions": wanted.permissions,
            "stores": wanted.stores,
            "cidrs": wanted.cidrs,
            "expires_at": render(expires_at),
            "revoked_at": None,
            "key": text,
        }

    async def revoke_key(self, program: str, key_id: UUID, actor: Actor) -> None:
        """End a key now."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._program(tx, program)
            if not await store.revoke_key(tx, row["program_id"], key_id, actor.at):
                raise HttpProblem(404, "not-found", "No such key.")
            await record(tx, actor, Deed("keys.revoke", text_id("key", key_id), program))

    async def _connection(self, tx: Tx, program: str, connection_id: UUID) -> Any:  # noqa: ANN401
        row = await self._program(tx, program)
        found = await store.load_connection(tx, connection_id)
        if found is None or found["program_id"] != row["program_id"]:
            raise HttpProblem(404, "not-found", "No such connection.")
        return found

    async def _program(self, tx: Tx, program: str) -> Any:  # noqa: ANN401 - a record
        row = await store.find_program(tx, uuid_of(program))
        if row is None:
            raise HttpProblem(404, "not-found", "No such program.")
        return row
