"""Reading kept deliveries again.

The same delivery gives events of the same ids, so a replay has no second effect; what failed, or
was ignored by settings that have changed since, has its first.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.gateway import NAME
from services.gateway.connections import Connections
from services.gateway.connectors import CONNECTORS, forms, generic
from services.gateway.connectors.port import Heard
from services.gateway.deliveries import store
from services.gateway.deliveries.keeping import Bodies, Content
from services.gateway.model import Answer, Connection, Delivery
from services.gateway.rules.normalising import Shop
from services.gateway.rules.reading import event_of, events_of, hear
from services.gateway.schemas import NewReplay
from services.gateway.settling import record, settle, settle_events, whole
from shared.audit.deeds import Actor, Deed
from shared.audit.deeds import record as record_deed
from shared.days import EPOCH
from shared.db.engine import Database
from shared.db.locks import channel
from shared.db.transaction import Tx, notify, transaction
from shared.errors import HttpProblem
from shared.events.codec import Encoded
from shared.ids import parse_id, text_id
from shared.programs import Program
from shared.random_ids import first_of, uuid7
from shared.sealing import KeyRing

MOST: Final = 10_000


class Replaying:
    """Reads deliveries again."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._bodies = Bodies(database, keys)
        self._connections = Connections(database, keys)

    async def one(self, program: Program, delivery_id: UUID, actor: Actor) -> None:
        """Read a delivery again. Raises HttpProblem: there is none, or its body is not kept."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._find(tx, program.id, delivery_id)
            if await self.again(tx, row, actor.at) is None:
                raise _gone()
            await record_deed(tx, actor, _deed("replay", delivery_id, program))
        await notify(self._database, channel(NAME))

    async def many(self, program: Program, wanted: NewReplay, actor: Actor) -> tuple[UUID, int]:
        """Ask for a replay of many; the worker carries it out. Its id, and how many they are."""
        now = actor.at
        replay_id = uuid7(now)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            total = await store.add_replay(
                tx,
                program.id,
                replay_id,
                parse_id("whk", wanted.connection_id) if wanted.connection_id else None,
                wanted.statuses,
                first_of(wanted.since or EPOCH),
                first_of(wanted.until or now),
                MOST,
                now,
            )
            target, fields = text_id("rpl", replay_id), tuple(sorted(wanted.model_fields_set))
            deed = Deed("replays.create", target, program.text_id, fields)
            await record_deed(tx, actor, deed)
        return replay_id, total

    async def shown(self, program: Program, delivery_id: UUID, actor: Actor) -> "Shown":
        """What a delivery was, and the events that it would give now. Raises HttpProblem.

        It may name a person: that it is shown is on record before it is.
        """
        now = actor.at
        async with transaction(self._database, wait_seconds=1.0) as tx:
            row = await self._find(tx, program.id, delivery_id)
            await record_deed(tx, actor, _deed("read-body", delivery_id, program))
            first = whole(row)
            content = await self._bodies.open(tx, first.program_id, first.delivery_id)
            connection = await self._connections.read(tx, row.connection_id)
        if content is None or connection is None:
            raise _gone()
        shop = Shop(connection, self._keys.blind_indexes, now, self._keys.seal_contact)
        if content.bulk or connection.source == generic.SOURCE:
            said = [event_of(shop, _own(content, row.part))]
        else:
            heard = _hear(connection, content, now)
            said = [heard] if isinstance(heard, Answer) else list(events_of(shop, heard))
        events = [each.encoded for each in said if not isinstance(each, Answer)]
        return Shown(content, events)

    async def again(self, tx: Tx, row: Delivery, now: datetime) -> Sequence[Answer] | None:
        """What a delivery comes to, read again and recorded; None: its body is not kept."""
        first = whole(row)
        content = await self._bodies.open(tx, first.program_id, first.delivery_id)
        connection = await self._connections.read(tx, row.connection_id)
        if content is None or connection is None:
            return None
        shop = Shop(connection, self._keys.blind_indexes, now, self._keys.seal_contact)
        if content.bulk or connection.source == generic.SOURCE:
            said = [event_of(shop, _own(content, row.part))]
            answers = await settle_events(tx, shop, said, row, again=True)
            await record(tx, row, answers)
            return answers
        heard = _hear(connection, content, now)
        if isinstance(heard, Answer):
            await record(tx, first, [heard])
            return [heard]
        return await settle(tx, shop, heard, first, again=True)

    @staticmethod
    async def _find(tx: Tx, program_id: int, delivery_id: UUID) -> Delivery:
        row = await store.find_delivery(tx, program_id, delivery_id)
        if row is None:
            raise HttpProblem(404, "not-found", "No such delivery.")
        return row


class Shown(Struct, frozen=True):
    """A delivery as it came, and what it would give now."""

    content: Content
    events: list[Encoded]


def _deed(what: str, delivery_id: UUID, program: Program) -> Deed:
    return Deed(f"deliveries.{what}", text_id("dlv", delivery_id), program.text_id)


def _gone() -> HttpProblem:
    return HttpProblem(409, "body-gone", "The body of this delivery is not kept.")


def _own(content: Content, part: int) -> bytes:
    return forms.read_bulk(content.raw)[part] if content.bulk else content.raw


def _hear(connection: Connection, content: Content, now: datetime) -> Heard | Answer:
    connector = CONNECTORS[connection.source]
    return hear(connector, content.raw, content.headers, connection.settings_at(now))
