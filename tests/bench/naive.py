"""What teams write: one message at a time, an ORM session, Pydantic, a commit and a publish each.

The same topic, tables, effects and totals as the points service, for orders and refunds of members
who are known already. Fair, and not tuned: the event is validated, its id looked up, its rows are
locked and written through the session, the change is published and waited for, the offset is
committed.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import BaseModel
from sqlalchemy import BigInteger, Integer, LargeBinary, SmallInteger, select
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.points.model import EntryKind, LotState, PurchaseStatus, SourceKind, lot_id
from services.points.rules.lasting import expires_at
from services.points.settings import PointsSettings
from shared.db.engine import role_of
from shared.ids import derive, text_id, uuid_of
from shared.programs import Program

INSTANT: Final = TIMESTAMP(timezone=True)
ORDERS: Final = 5_000
PARTITIONS: Final = 12


class Line(BaseModel):
    """A line of an order."""

    line_id: str
    sku: str
    categories: list[str]
    quantity: int
    list_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int
    kind: str
    title: str | None = None


class Back(BaseModel):
    """A line given back."""

    line_id: str
    sku: str
    quantity: int
    net_minor: int
    tax_minor: int


class Data(BaseModel):
    """What an order or a refund says."""

    order_id: str
    store_id: str
    customer_id: str
    currency: str
    order_no: str = ""
    refund_id: str = ""
    refund_no: str = ""
    placed_at: datetime | None = None
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    refunded_at: datetime | None = None
    shipping_minor: int
    total_minor: int
    lines: list[Line] | list[Back]


class Event(BaseModel):
    """A CloudEvent."""

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    time: datetime
    subject: str
    programid: str
    partitionkey: str
    data: Data


class Base(DeclarativeBase):
    """The tables of points as classes."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger, datetime: INSTANT}


class Inbox(Base):
    """Ids of what was applied."""

    __tablename__ = "inbox"
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[int]


class Customer(Base):
    """A customer and their links."""

    __tablename__ = "customer"
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    customer_id: Mapped[UUID] = mapped_column(primary_key=True)
    links: Mapped[bytes] = mapped_column(LargeBinary)


class TierSpan(Base):
    """A member's tier."""

    __tablename__ = "tier_span"
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    no: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    from_at: Mapped[datetime]
    tier: Mapped[str]


class Account(Base):
    """A wallet."""

    __tablename__ = "account"
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(primary_key=True)
    wallet: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    balance: Mapped[int]
    open: Mapped[int]
    debt: Mapped[int]
    held: Mapped[int]
    pending: Mapped[int]
    version: Mapped[int]


class Purchase(Base):
    """An order."""

    __tablename__ = "purchase"
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_no: Mapped[str]
    customer_id: Mapped[UUID]
    holder_id: Mapped[UUID]
    store_id: Mapped[UUID]
    status: Mapped[int] = mapped_column(SmallInteger)
    completed_at: Mapped[datetime]
    rule_version: Mapped[int] = mapped_column(Integer)
    tier: Mapped[str]
    refunded: Mapped[int]
    posted: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)


class Lot(Base):
    """Points of one order."""

    __tablename__ = "lot"
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    holder_id: Mapped[UUID]
    wallet: Mapped[int] = mapped_column(SmallInteger)
    order_id: Mapped[UUID]
    granted: Mapped[int]
    drawn: Mapped[int]
    expired: Mapped[int]
    held: Mapped[int]
    open: Mapped[int]
    short: Mapped[int]
    state: Mapped[int] = mapped_column(SmallInteger)
    earned_at: Mapped[datetime]
    usable_from: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    first_expires_at: Mapped[datetime | None]
    expiry_rule: Mapped[str]
    unit_cost_minor: Mapped[int]


class Entry(Base):
    """A ledger line."""

    __tablename__ = "entry"
    program_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(primary_key=True)
    wallet: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger)
    amount: Mapped[int]
    balance_after: Mapped[int]
    at: Mapped[datetime]
    source_kind: Mapped[int] = mapped_column(SmallInteger)
    source_id: Mapped[UUID]
    order_id: Mapped[UUID]
    cause_event: Mapped[UUID]
    rule_version: Mapped[int] = mapped_column(Integer)


class Naive:
    """The service, as it would be written first."""

    def __init__(self, url: str, servers: str, prefix: str, program: Program) -> None:
        self._servers = servers
        self._prefix = prefix
        self._program = program
        self._settings = PointsSettings(validity="months:12")
        settings = {"role": role_of("points"), "search_path": "points"}
        self._engine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://"),
            connect_args={"server_settings": settings},
        )
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)

    async def run(self, messages: int) -> int:
        """Handle so many messages; how many were orders."""
        topic = f"{self._prefix}storefront"
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=f"{self._prefix}naive",
            enable_auto_commit=False,
        )
        producer = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all")
        await consumer.start()
        await producer.start()
        orders = 0
        try:
            partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            for _ in range(messages):
                message = await consumer.getone()
                event = Event.model_validate_json(message.value)
                told = await self._handle(event)
                if told is not None:
                    key = f"{event.programid}/{told['member_id']}".encode()
                    value = json.dumps(told).encode()
                    await producer.send_and_wait(f"{self._prefix}points", value=value, key=key)
                place = TopicPartition(message.topic, message.partition)
                await consumer.commit({place: message.offset + 1})
                orders += "order-completed" in event.type and told is not None
        finally:
            await producer.stop()
            await consumer.stop()
            await self._engine.dispose()
        return orders

    async def _handle(self, event: Event) -> dict[str, Any] | None:
        async with self._sessions() as session, session.begin():
            if await session.get(Inbox, event.id) is not None:
                return None
            digest = hashlib.sha256(event.model_dump_json().encode()).digest()[:8]
            session.add(Inbox(event_id=event.id, digest=int.from_bytes(digest, signed=True)))
            if "order-completed" in event.type:
                entry, lot, account = await self._order(session, event)
            else:
                entry, lot, account = await self._refund(session, event)
            return _announcement(event, entry, lot, account)

    async def _account(self, session: AsyncSession, customer_id: UUID) -> Account:
        customer = await session.get(Customer, (self._program.id, customer_id))
        assert customer is not None
        holder = UUID(json.loads(customer.links)[0]["member_id"])
        key = (self._program.id, holder, 1)
        account = await session.get(Account, key, with_for_update=True)
        if account is None:
            account = Account(
                program_id=key[0], holder_id=holder, wallet=1, balance=0, open=0, debt=0, held=0,
                pending=0, version=0,
            )  # fmt: skip
            session.add(account)
        return account

    async def _order(self, session: AsyncSession, event: Event) -> tuple[Entry, Lot, Account]:
        data, order_id = event.data, uuid_of(event.data.order_id)
        account = await self._account(session, uuid_of(data.customer_id))
        spans = await session.scalars(
            select(TierSpan)
            .where(TierSpan.program_id == account.program_id)
            .where(TierSpan.holder_id == account.holder_id)
            .where(TierSpan.from_at < event.time)
            .order_by(TierSpan.from_at.desc())
        )
        span = spans.first()
        tier = span.tier if span else "ordinary"
        points = self._points(data.lines, tier)
        ends = expires_at(self._settings, event.time, self._program)
        session.add(
            Purchase(
                program_id=account.program_id, order_id=order_id, order_no=data.order_no,
                customer_id=uuid_of(data.customer_id), holder_id=account.holder_id,
                store_id=uuid_of(data.store_id), status=int(PurchaseStatus.CONFIRMED),
                completed_at=event.time, rule_version=1, tier=tier, refunded=0, posted=points,
                body=data.model_dump_json().encode(),
            )
        )  # fmt: skip
        lot = Lot(
            program_id=account.program_id,
            lot_id=lot_id(event.programid, 1, SourceKind.ORDER, data.order_id),
            holder_id=account.holder_id, wallet=1, order_id=order_id, granted=points, drawn=0,
            expired=0, held=0, open=points, short=0, state=int(LotState.OPEN),
            earned_at=event.time, usable_from=event.time, expires_at=ends, first_expires_at=ends,
            expiry_rule="months:12", unit_cost_minor=1,
        )  # fmt: skip
        session.add(lot)
        source = (SourceKind.ORDER, order_id)
        entry = self._post(session, account, points, EntryKind.EARN, source, event, order_id)
        return entry, lot, account

    async def _refund(self, session: AsyncSession, event: Event) -> tuple[Entry, Lot, Account]:
        data, order_id = event.data, uuid_of(event.data.order_id)
        account = await self._account(session, uuid_of(data.customer_id))
        purchase = await session.get(Purchase, (account.program_id, order_id))
        lot = await session.get(
            Lot,
            (account.program_id, lot_id(event.programid, 1, SourceKind.ORDER, data.order_id)),
        )
        assert purchase is not None
        assert lot is not None
        bought = Data.model_validate_json(purchase.body).lines
        back = sum(line.net_minor for line in data.lines)
        kept = sum(line.net_minor for line in bought) - back
        points = self._points_of(kept, purchase.tier)
        difference = points - purchase.posted
        purchase.refunded, purchase.posted = back, points
        purchase.status = int(PurchaseStatus.PARTLY_REVERSED)
        lot.granted = lot.open = points
        refund_id = uuid_of(data.refund_id)
        source = (SourceKind.REFUND, refund_id)
        kind = EntryKind.CLAW_BACK
        entry = self._post(session, account, difference, kind, source, event, order_id)
        return entry, lot, account

    def _points(self, lines: Sequence[Line | Back], tier: str) -> int:
        return self._points_of(sum(line.net_minor for line in lines), tier)

    def _points_of(self, amount: int, tier: str) -> int:
        return amount // 100 * self._settings.tier_bp[tier] // 10_000

    def _post(
        self,
        session: AsyncSession,
        account: Account,
        amount: int,
        kind: EntryKind,
        source: tuple[SourceKind, UUID],
        event: Event,
        order_id: UUID,
    ) -> Entry:
        account.balance += amount
        account.open += amount
        account.version += 1
        entry = Entry(
            program_id=account.program_id, holder_id=account.holder_id, wallet=1,
            version=account.version, kind=int(kind), amount=amount,
            balance_after=account.balance, at=event.time, source_kind=int(source[0]),
            source_id=source[1], order_id=order_id, cause_event=event.id, rule_version=1,
        )  # fmt: skip
        session.add(entry)
        return entry


def _announcement(event: Event, entry: Entry, lot: Lot, account: Account) -> dict[str, Any]:
    identity = derive("naive", str(entry.holder_id), str(entry.version))
    return {
        "specversion": "1.0",
        "id": str(identity),
        "source": "/naive/points",
        "type": "naive.points-changed.v1",
        "time": datetime.now(UTC).isoformat(),
        "programid": event.programid,
        "member_id": text_id("mem", entry.holder_id),
        "amount": entry.amount,
        "balance": account.balance,
        "version": entry.version,
        "lot": {"lot_id": text_id("lot", lot.lot_id), "open": lot.open},
        "order_id": text_id("ord", entry.order_id),
    }
