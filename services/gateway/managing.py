"""What staff make at the gateway for a program: connections, secrets, keys.

Each is one transaction; whatever is secret is shown once and kept sealed or hashed.
"""

import base64
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from services.gateway import store
from services.gateway.connections import CREDENTIAL_PURPOSE, SECRET_PURPOSE
from services.gateway.connectors import PULLERS, needed, optional
from services.gateway.deeds import Deeds
from services.gateway.fetching import store as fetching
from services.gateway.fetching.pulling import CHANGES, WEEK, pulled
from services.gateway.keys import new_key
from services.gateway.model import WEBHOOK, SecretKind
from services.gateway.schemas import (
    ChangedConnection,
    NewConnection,
    NewKey,
    RotateKey,
    wrong_secret,
)
from services.gateway.secrecy import new_token
from shared.audit.deeds import Actor
from shared.commands import expect
from shared.days import render
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, transaction
from shared.errors import FieldError, HttpProblem
from shared.http.matching import match, versioned
from shared.ids import parse_id, text_id, uuid_of
from shared.random_ids import random_id, uuid7
from shared.sealing import KeyRing

MOST_SECRETS: Final = 5
KEY_BYTES: Final = 32
PLAIN_LENGTH: Final = 40
_PLAIN: Final = string.ascii_letters + string.digits


def _wrong(source: str, given: str | None, kind: SecretKind) -> str | None:
    """What is wrong with a secret that is given, or is not."""
    if kind != WEBHOOK:
        return None if given is None else "A secret for members is made here"
    if source in PULLERS:
        return "A connection that is pulled has no secret"
    return wrong_secret(source, given)


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
        self._deeds = Deeds(keys)

    async def add_connection(
        self, program: str, wanted: NewConnection, actor: Actor
    ) -> tuple[UUID, tuple[str, str] | None]:
        """A new connection: its id, and its first secret's id and text, which is shown this once.

        Without a secret where nothing is delivered, but pulled; a draft where the platform gives
        the secret and it is not told yet.
        """
        connection_id, now = random_id(), actor.at
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
                "draft" if wanted.is_draft else "active",
                wanted.name,
                wanted.mode,
                now,
            )
            made = text_id("whk", connection_id)
            values = wanted.model_dump(mode="json", exclude_none=True)
            await self._deeds.add(tx, actor, "connections.create", made, program, values)
            if wanted.source in PULLERS or wanted.is_draft:
                return connection_id, None
            secret = wanted.secret or new_secret(wanted.source)
            owner = (row["program_id"], connection_id)
            secret_id = await self._keep_secret(tx, owner, secret, now)
        return connection_id, (secret_id, secret)

    async def add_secret(
        self,
        program: str,
        connection_id: UUID,
        given: str | None,
        actor: Actor,
        kind: SecretKind = WEBHOOK,
    ) -> tuple[str, str]:
        """Another secret of a connection, at most five of a kind at a time: its id, the secret.

        The first that signs deliveries makes a draft active.
        """
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            wrong = _wrong(found["source"], given, kind)
            if wrong is not None:
                errors = [FieldError("/secret", "invalid", wrong)]
                raise HttpProblem(422, "invalid", f"{wrong}.", errors=errors)
            place = (found["program_id"], connection_id)
            count = await store.count_secrets(tx, *place, kind, actor.at)
            if count >= MOST_SECRETS:
                raise HttpProblem(
                    409, "state-conflict", f"A connection has at most {MOST_SECRETS} secrets."
                )
            if kind == WEBHOOK:
                await store.set_connection_state(tx, *place, "active", ["draft"])
            made = new_secret(found["source"]) if kind == WEBHOOK else new_token()[0]
            secret = given or made
            secret_id = await self._keep_secret(tx, place, secret, actor.at, kind)
            values = {"secret": secret, "kind": kind}
            await self._deeds.add(tx, actor, "secrets.create", secret_id, program, values)
            return secret_id, secret

    async def _keep_secret(
        self,
        tx: Tx,
        place: tuple[int, UUID],
        secret: str,
        now: datetime,
        kind: SecretKind = WEBHOOK,
    ) -> str:
        program_id, connection_id = place
        secret_id = uuid7(now)
        sealed = self._keys.seal(SECRET_PURPOSE, text_id("whk", connection_id), secret.encode())
        await store.add_secret(tx, program_id, connection_id, secret_id, kind, sealed, now)
        return text_id("sec", secret_id)

    async def put_credentials(
        self,
        program: str,
        connection_id: UUID,
        values: Mapping[str, str],
        expires_at: datetime | None,
        actor: Actor,
    ) -> None:
        """Keep what calls of a connection are signed with; what waited for that goes on."""
        now = actor.at
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            names = needed(found["source"])
            more = optional(found["source"])
            if not set(names) <= set(values) <= {*names, *more}:
                message = f"must have exactly {', '.join(names)}" if names else "must be empty"
                message += f"; may have {', '.join(more)}" if more else ""
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
            target = text_id("whk", connection_id)
            await self._deeds.add(tx, actor, "credentials.put", target, program, values)

    async def reconcile(self, program: str, connection_id: UUID, actor: Actor) -> None:
        """Compare with the shop now. Raises HttpProblem where its platform is never asked."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            if CHANGES not in pulled(found["source"]) or found["credential"] is None:
                raise HttpProblem(
                    409, "state-conflict", "Its platform cannot be asked what has changed."
                )
            for kind in (CHANGES, WEEK):
                await fetching.start_pull(tx, found["program_id"], connection_id, kind, actor.at)
            target = text_id("whk", connection_id)
            await self._deeds.add(tx, actor, "connections.reconcile", target, program)

    async def tried(self, program: str, connection_id: UUID, actor: Actor) -> None:
        """Put on record that a connection is tried."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            target = text_id("whk", connection_id)
            await self._deeds.add(tx, actor, "connections.test", target, program)

    async def end_secret(
        self, program: str, connection_id: UUID, secret_id: UUID, at: datetime, actor: Actor
    ) -> None:
        """Let a secret end."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._program(tx, program)
            if not await store.end_secret(tx, row["program_id"], connection_id, secret_id, at):
                raise HttpProblem(404, "not-found", "No such secret.")
            target = text_id("sec", secret_id)
            values = {"not_after": render(at)}
            await self._deeds.add(tx, actor, "secrets.end", target, program, values)

    async def change_connection(
        self,
        program: str,
        connection_id: UUID,
        wanted: ChangedConnection,
        seen: str | None,
        actor: Actor,
    ) -> None:
        """Change what is named, of a connection whose ETag was `seen`. Raises 428 and 412."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            found = await self._connection(tx, program, connection_id)
            match(seen, versioned(found["version"]))
            name = found["name"] if wanted.name is None else wanted.name
            mode = wanted.mode or found["mode"]
            await store.change_connection(tx, found["program_id"], connection_id, name, mode)
            target = text_id("whk", connection_id)
            values = wanted.model_dump(mode="json", exclude_unset=True)
            await self._deeds.add(tx, actor, "connections.change", target, program, values)

    async def move_connection(
        self,
        program: str,
        connection_id: UUID,
        state: str,
        allowed: Sequence[str],
        actor: Actor,
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
            target, values = text_id("whk", connection_id), {"state": state}
            await self._deeds.add(tx, actor, "connections.move", target, program, values)

    async def add_key(self, program: str, wanted: NewKey, actor: Actor) -> dict[str, Any]:
        """A new API key, its text shown this once."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._program(tx, program)
            made, text = _drawn(wanted, actor)
            await store.add_key(tx, row["program_id"], made, actor.at)
            target, values = text_id("key", made.key_id), wanted.model_dump(mode="json")
            await self._deeds.add(tx, actor, "keys.create", target, program, values)
        return key_line(made) | {"key": text}

    async def rotate_key(self, program: str, key_id: UUID, wanted: RotateKey, actor: Actor,
                         may: Callable[[Row], None]) -> dict[str, Any]:  # fmt: skip
        """Another key that may do the same, shown this once; the old one ends after a while.

        `may` refuses who could not make such a key. Raises 409 for one that has ended.
        """
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._program(tx, program)
            old = await store.lock_key(tx, row["program_id"], key_id)
            if old is None:
                raise HttpProblem(404, "not-found", "No such key.")
            may(old)
            if old["revoked_at"] is not None or old["expires_at"] <= actor.at:
                raise HttpProblem(409, "state-conflict", "The key has ended: make another.")
            like = NewKey(
                name=old["name"],
                permissions=old["permissions"],
                stores=old["stores"],
                cidrs=old["cidrs"],
                expires_days=wanted.expires_days,
            )
            made, text = _drawn(like, actor, rotated_from=key_id)
            await store.add_key(tx, row["program_id"], made, actor.at)
            ends = actor.at + timedelta(hours=wanted.overlap_hours)
            await store.end_key(tx, row["program_id"], key_id, ends)
            values = {"key_id": text_id("key", made.key_id), "overlap_hours": wanted.overlap_hours}
            target = text_id("key", key_id)
            await self._deeds.add(tx, actor, "keys.rotate", target, program, values)
        return key_line(made) | {"key": text}

    async def revoke_key(self, program: str, key_id: UUID, actor: Actor) -> None:
        """End a key now."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._program(tx, program)
            if not await store.revoke_key(tx, row["program_id"], key_id, actor.at):
                raise HttpProblem(404, "not-found", "No such key.")
            await self._deeds.add(tx, actor, "keys.revoke", text_id("key", key_id), program)

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


def _drawn(
    wanted: NewKey, actor: Actor, *, rotated_from: UUID | None = None
) -> tuple[store.NewApiKey, str]:
    """A key as it is kept, and its text."""
    text, digest = new_key()
    key = store.NewApiKey(
        uuid7(actor.at),
        wanted.name,
        digest,
        wanted.permissions,
        wanted.stores,
        wanted.cidrs,
        actor.at + timedelta(days=wanted.expires_days),
        actor.id,
        rotated_from,
    )
    return key, text


def key_line(key: Any) -> dict[str, Any]:  # noqa: ANN401 - a key as it is made, or a record of one
    """A key without its text, as it is told."""
    revoked, used = getattr(key, "revoked_at", None), getattr(key, "last_used_at", None)
    return {
        "key_id": text_id("key", key.key_id),
        "name": key.name,
        "permissions": list(key.permissions),
        "stores": list(key.stores),
        "cidrs": list(key.cidrs),
        "expires_at": render(key.expires_at),
        "revoked_at": render(revoked) if revoked else None,
        "last_used_at": render(used) if used else None,
        "rotated_from": text_id("key", key.rotated_from) if key.rotated_from else None,
    }
