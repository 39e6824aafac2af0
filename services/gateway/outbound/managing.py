"""What staff do with endpoints: make, change, move, rotate secrets, test, replay."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.gateway.deeds import Deeds
from services.gateway.outbound import store
from services.gateway.outbound.model import (
    DELETED,
    DELIVERED,
    DISABLED,
    ENABLED,
    EVERYTHING,
    EXHAUSTED,
    Key,
    Message,
)
from services.gateway.outbound.rules.forwarding import TYPES, message_id
from services.gateway.outbound.rules.guarding import Network, target
from services.gateway.outbound.schemas import ChangeEndpoint, NewEndpoint, ReplayRange, Signature
from services.gateway.outbound.signing import new_secret, seal, shown
from shared.audit.deeds import Actor
from shared.days import render
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, transaction
from shared.errors import FieldError, HttpProblem
from shared.events.golden import example
from shared.http.matching import match, versioned
from shared.ids import event_id, text_id
from shared.programs import Program
from shared.random_ids import first_of, uuid7
from shared.sealing import KeyRing

MOST_ENDPOINTS: Final = 50
MOST_SECRETS: Final = 5
MOST_REPLAYED: Final = 10_000
_STATES: Final = {
    "exhausted": [EXHAUSTED],
    "delivered": [DELIVERED],
    "all": [DELIVERED, EXHAUSTED],
}


class Endpoints:
    """Makes and changes the endpoints of programs."""

    def __init__(self, database: Database, keys: KeyRing, networks: Sequence[Network]) -> None:
        self._database = database
        self._keys = keys
        self._networks = networks
        self._deeds = Deeds(keys)

    async def add(
        self, program: Program, wanted: NewEndpoint, actor: Actor
    ) -> tuple[UUID, UUID, str]:
        """A new endpoint with its first secret: id, secret's id, what the endpoint verifies with.

        Raises 422 for a URL that is not allowed, 409 beyond 50 endpoints.
        """
        self._check(wanted.url)
        now = actor.at
        endpoint_id = uuid7(now)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            if await store.count_endpoints(tx, program.id) >= MOST_ENDPOINTS:
                detail = f"A program has at most {MOST_ENDPOINTS} endpoints."
                raise HttpProblem(409, "state-conflict", detail)
            await store.add_endpoint(
                tx,
                program.id,
                endpoint_id,
                wanted.url,
                wanted.name,
                wanted.types,
                wanted.ordered,
                now,
            )
            made = await self._keep_secret(tx, (program.id, endpoint_id), wanted.signature, now)
            values = wanted.model_dump(mode="json")
            await self._record(tx, actor, "endpoints.create", program, endpoint_id, values)
        return endpoint_id, *made

    async def change(
        self,
        program: Program,
        endpoint_id: UUID,
        seen: str | None,
        wanted: ChangeEndpoint,
        actor: Actor,
    ) -> None:
        """Change what is named, of an endpoint whose ETag was `seen`. Raises 428 and 412."""
        if wanted.url is not None:
            self._check(wanted.url)
        key = (program.id, endpoint_id)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await _locked(tx, key)
            match(seen, versioned(row["version"]))
            named = wanted.model_dump(exclude_unset=True)
            fields = ("url", "name", "types", "ordered")
            await store.change_endpoint(tx, key, *(named.get(name, row[name]) for name in fields))
            await self._record(tx, actor, "endpoints.change", program, endpoint_id, named)

    async def disable(self, program: Program, endpoint_id: UUID, actor: Actor) -> None:
        """Send nothing more; what comes is kept. Raises 409 when it is disabled."""
        await self._move(program, endpoint_id, ENABLED, actor)

    async def enable(self, program: Program, endpoint_id: UUID, actor: Actor) -> None:
        """Send again, what was kept too. Raises 409 when it is enabled."""
        await self._move(program, endpoint_id, DISABLED, actor)

    async def remove(self, program: Program, endpoint_id: UUID, actor: Actor) -> None:
        """Let an endpoint and its secrets go; its messages are kept as long as others."""
        key = (program.id, endpoint_id)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await _locked(tx, key)
            await store.move_endpoint(tx, key, DELETED, None)
            await store.remove_secrets(tx, key)
            await self._record(tx, actor, "endpoints.remove", program, endpoint_id)

    async def rotate(
        self,
        program: Program,
        endpoint_id: UUID,
        signature: Signature,
        overlap: timedelta,
        actor: Actor,
    ) -> tuple[UUID, str]:
        """Another secret: its id, what the endpoint verifies with. The others end after a while.

        Raises 409 beyond five that sign at a time.
        """
        key, now = (program.id, endpoint_id), actor.at
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await _locked(tx, key)
            if len(await store.load_secrets(tx, key, now)) >= MOST_SECRETS:
                detail = f"An endpoint has at most {MOST_SECRETS} secrets at a time."
                raise HttpProblem(409, "state-conflict", detail)
            await store.end_secrets(tx, key, now + overlap)
            values = {"signature": signature}
            await self._record(tx, actor, "endpoint-secrets.create", program, endpoint_id, values)
            return await self._keep_secret(tx, key, signature, now)

    async def end_secret(
        self, program: Program, endpoint_id: UUID, secret_id: UUID, at: datetime, actor: Actor
    ) -> None:
        """Let a secret end. Raises 409 for the last one: nothing would be signed any more."""
        key = (program.id, endpoint_id)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await _locked(tx, key)
            lasting = [row["secret_id"] for row in await store.load_secrets(tx, key, actor.at)
                       if row["not_after"] is None]  # fmt: skip
            if lasting == [secret_id]:
                detail = "It is the only one that lasts: rotate, which ends the others."
                raise HttpProblem(409, "state-conflict", detail)
            if not await store.end_secret(tx, key, secret_id, at):
                raise HttpProblem(404, "not-found", "No such secret.")
            values = {"secret_id": text_id("sec", secret_id), "not_after": render(at)}
            await self._record(tx, actor, "endpoint-secrets.end", program, endpoint_id, values)

    async def test(
        self, program: Program, endpoint_id: UUID, name: str | None, actor: Actor
    ) -> UUID:
        """Send the example of a type, marked as a test. The message's id.

        Raises 409 when the endpoint is disabled.
        """
        key = (program.id, endpoint_id)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await _locked(tx, key)
            if row["state"] == DISABLED:
                raise HttpProblem(409, "state-conflict", "The endpoint is disabled.")
            message = _example(program, endpoint_id, name or row["types"][0], actor.at)
            await store.add_messages(tx, [message])
            await self._record(tx, actor, "endpoints.test", program, endpoint_id)
        return message.message_id

    async def replay(self, program: Program, message: UUID, actor: Actor) -> None:
        """Let one message go out again, under its own id. Raises 409 while it is on its way."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            endpoint_id = await store.endpoint_of(tx, (program.id, message))
            if endpoint_id is None:
                raise HttpProblem(404, "not-found", "No such message.")
            await _locked(tx, (program.id, endpoint_id))
            if not await store.replay(tx, program.id, [message], actor.at):
                raise HttpProblem(409, "state-conflict", "The message is on its way.")
            target = text_id("msg", message)
            await self._deeds.add(tx, actor, "messages.replay", target, program.text_id)

    async def replay_range(
        self, program: Program, endpoint_id: UUID, wanted: ReplayRange, actor: Actor
    ) -> int:
        """Let messages about the events of a time go out again; how many.

        Raises 422 beyond 10,000: nothing goes out then.
        """
        key = (program.id, endpoint_id)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await _locked(tx, key)
            between = first_of(wanted.since), first_of(wanted.until)
            states = _STATES[wanted.state]
            found = await store.list_between(tx, key, *between, states, MOST_REPLAYED + 1)
            if len(found) > MOST_REPLAYED:
                message = f"holds more than {MOST_REPLAYED} messages: name a shorter time"
                raise _invalid("/until", "too-many", message)
            values = wanted.model_dump(mode="json")
            await self._record(tx, actor, "endpoints.replay", program, endpoint_id, values)
            return await store.replay(tx, program.id, found, actor.at)

    async def _move(self, program: Program, endpoint_id: UUID, before: str, actor: Actor) -> None:
        key = (program.id, endpoint_id)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await _locked(tx, key)
            if row["state"] != before:
                raise HttpProblem(409, "state-conflict", f"It is {row['state']} already.")
            enabling = before == DISABLED
            after, reason = (ENABLED, None) if enabling else (DISABLED, "staff")
            await store.move_endpoint(tx, key, after, reason)
            action = "endpoints.enable" if enabling else "endpoints.disable"
            await self._record(tx, actor, action, program, endpoint_id)

    async def _record(
        self,
        tx: Tx,
        actor: Actor,
        action: str,
        program: Program,
        endpoint_id: UUID,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        target = text_id("ept", endpoint_id)
        await self._deeds.add(tx, actor, action, target, program.text_id, values)

    async def _keep_secret(
        self, tx: Tx, key: Key, signature: Signature, now: datetime
    ) -> tuple[UUID, str]:
        secret, secret_id = new_secret(signature), uuid7(now)
        sealed = seal(self._keys, key[1], secret)
        await store.add_secret(tx, key, secret_id, signature, sealed, now)
        return secret_id, shown(secret)

    def _check(self, url: str) -> None:
        """What of a URL can be judged without its name's addresses. Raises 422."""
        try:
            target(url, self._networks)
        except ValueError as error:
            raise _invalid("/url", "url-not-allowed", str(error)) from error


async def _locked(tx: Tx, key: Key) -> Row:
    row = await store.lock_endpoint(tx, key)
    if row is None:
        raise HttpProblem(404, "not-found", "No such endpoint.")
    return row


def _example(program: Program, endpoint_id: UUID, name: str, now: datetime) -> Message:
    line = TYPES["order-completed" if name == EVERYTHING else name]
    event = event_id(now, program.text_id, "gateway", line.name, "test", str(uuid7(now)))
    told = example(line) | {
        "id": str(event),
        "time": render(now),
        "programid": program.text_id,
        "test": True,
    }
    return Message(
        program_id=program.id,
        message_id=message_id(program.text_id, endpoint_id, str(event), now),
        endpoint_id=endpoint_id,
        event_id=event,
        type=line.name,
        subject=told["subject"],
        body=json.dumps(told, ensure_ascii=False).encode(),
    )


def _invalid(pointer: str, code: str, message: str) -> HttpProblem:
    return HttpProblem(
        422, "invalid", "1 field is not valid.", errors=[FieldError(pointer, code, message)]
    )
