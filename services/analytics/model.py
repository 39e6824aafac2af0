"""Values of analytics: facts and cells as the tables hold them, codes of kinds, a batch's state.

Facts are frozen; ids are uuids here, their text form exists at the edge alone. What a fact says by
itself (an amount, an instant) comes from its event; what it says through others (whose it is, at
which tier, what is left of it) is derived by the rules and rewritten when one of those others
arrives.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import IntEnum
from typing import Any, Final, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

from shared.days import BEGINNING, Instant
from shared.events.codec import dec_hook, enc_hook
from shared.events.points import points_changed
from shared.events.storefront.activity import Action
from shared.flow import State
from shared.ids import derive, text_id
from shared.links import Link
from shared.programs import Program

Key = tuple[int, UUID]
"""Program and id."""

WALLET: Final = "points"
"""The wallet whose entries are an order's points and a program's balance."""


def _codes(literal: Any) -> Mapping[str, int]:  # noqa: ANN401 - a Literal
    """Codes of an event's words, in the order in which the event lists them; new ones come last."""
    return {word: code for code, word in enumerate(get_args(literal), 1)}


ENTRY_KINDS: Final = _codes(points_changed.EntryKind)
SOURCE_KINDS: Final = _codes(points_changed.SourceKind)
ACCOUNTS: Final = _codes(points_changed.BookAccount)
CHECK_IN: Final = 0
"""Kind of the activity that a check-in is; the others are those of the event `activity`."""
ACTIONS: Final = _codes(Action)
OBJECT_KINDS: Final = {"store": 1, "product": 2, "page": 3}


class OrderStatus(IntEnum):
    """Where an order stands."""

    AWAITED = 1
    """Something names it; it is not completed, or not known to be."""
    COMPLETED = 2
    PARTLY_REFUNDED = 3
    REFUNDED = 4
    """Nothing is left of it."""
    CANCELLED = 5
    """A cancellation took what was left."""


class RefundKind(IntEnum):
    """What a refund takes of its order."""

    PART = 1
    """An amount, or lines."""
    FULL = 2
    """All that is left, whatever amount it tells."""
    CANCELLATION = 3
    """All that the refunds leave. Not a refund of the shop: it counts in no total of refunds."""


class Customer(Struct, frozen=True):
    """A customer with all links it ever had. Its row is what a batch locks first."""

    program_id: int
    customer_id: UUID
    member_id: UUID | None = None
    """Whom its facts belong to; None: to itself."""
    links: tuple[Link, ...] = ()
    follows_store: UUID | None = None
    """Store that its latest `favourite` of kind store turned on; None: off, or never."""
    favourite_at: datetime | None = None
    favourite_id: UUID | None = None
    """Which activity that was: the latest, of two at one instant the one with the higher id."""

    @property
    def key(self) -> Key:
        """Program and customer."""
        return self.program_id, self.customer_id

    @property
    def subject_id(self) -> UUID:
        """Whom figures of people count: the member, else the customer."""
        return self.member_id or self.customer_id


class Span(Struct, frozen=True, gc=False):
    """From an instant on a tier is in force."""

    from_at: Instant
    tier: str


class Telling(Struct, frozen=True):
    """One revision of a member's tiers: what takes the place of everything from an instant on."""

    revision: int
    replaces_from: Instant
    spans: tuple[Span, ...]


class Timeline(Struct, frozen=True, omit_defaults=True):
    """A member's tiers on the primary ladder, as far as they were told."""

    through: int = 0
    """All revisions up to this one are in `spans`."""
    spans: tuple[Span, ...] = ()
    ahead: tuple[Telling, ...] = ()
    """Later revisions that overtook one before them, by revision."""

    def touched_from(self, replaces_from: datetime) -> datetime:
        """After which instant orders may be of another tier by a telling that replaces from there.

        The first span's tier is that of all orders before it too, so its change concerns them all.
        """
        certain = self.spans and not self.ahead and self.spans[0].from_at < replaces_from
        return replaces_from if certain else BEGINNING


class Member(Struct, frozen=True):
    """A member: since when, from which store, at which tiers. Locked after the customers."""

    program_id: int
    member_id: UUID
    effective_from: datetime | None = None
    """Earliest told; None while the joining is not known."""
    joined_day: date | None = None
    left_day: date | None = None
    store_id: UUID | None = None
    tags: int = 0
    """Manual and rule tags; system tags do not count."""
    tiers: Timeline = Timeline()

    @property
    def key(self) -> Key:
        """Program and member."""
        return self.program_id, self.member_id


class Line(Struct, frozen=True, gc=False):
    """One line of an order, for what is counted by SKU and category."""

    line_id: str
    sku: str
    categories: list[str]
    kind: str
    quantity: int
    net_minor: int


class FactOrder(Struct, frozen=True):
    """One order: one row however many lines it has."""

    program_id: int
    order_id: UUID
    status: int = OrderStatus.AWAITED
    subject_id: UUID | None = None
    """Member or customer; None: a guest."""
    customer_id: UUID | None = None
    member_id: UUID | None = None
    """Whose it was when it was completed; None: nobody's."""
    store_id: UUID | None = None
    completed_at: datetime | None = None
    completed_last_at: datetime | None = None
    """The latest completion told; a cancellation before it is void."""
    day: date | None = None
    hour: int | None = None
    currency: str | None = None
    goods_minor: int = 0
    """Sum of the net of its lines of kind goods."""
    total_minor: int = 0
    refunded_minor: int = 0
    """What refunds and a cancellation took, at most the total."""
    units: int = 0
    """Pieces of its lines of kind goods."""
    points: int = 0
    """Sum of its entries."""
    tier: str | None = None
    """In force strictly before the completion; None: none is known."""
    seq: int | None = None
    """1st, 2nd … of its subject; None: a guest's."""
    line_count: int = 0
    lines: bytes = b""

    @property
    def key(self) -> Key:
        """Program and order."""
        return self.program_id, self.order_id

    @property
    def subject(self) -> Key | None:
        """Program and subject; None: a guest's, or not completed."""
        return None if self.subject_id is None else (self.program_id, self.subject_id)


class FactRefund(Struct, frozen=True):
    """One refund or cancellation, known before or after its order."""

    program_id: int
    refund_id: UUID
    kind: int
    order_id: UUID | None
    customer_id: UUID | None
    store_id: UUID
    at: datetime
    day: date
    hour: int
    currency: str
    amount_minor: int
    """As told; of a cancellation what the refunds leave of its order."""
    tier: str | None = None
    """Of its order."""

    @property
    def key(self) -> Key:
        """Program and refund."""
        return self.program_id, self.refund_id


class FactPoints(Struct, frozen=True):
    """One ledger entry."""

    program_id: int
    entry_id: UUID
    """First 16 bytes of the SHA-256 of the entry's text id."""
    member_id: UUID
    wallet: str
    kind: int
    account: int
    source_kind: int
    amount: int
    day: date
    order_id: UUID | None
    """The order that it gives for or takes from."""

    @property
    def key(self) -> Key:
        """Program and entry."""
        return self.program_id, self.entry_id


class FactActivity(Struct, frozen=True):
    """Something that a customer did other than buying."""

    program_id: int
    activity_id: UUID
    """Of the event; of a check-in derived from customer and local day."""
    kind: int
    customer_id: UUID
    subject_id: UUID
    member_id: UUID | None
    """Whose it was when it happened; None: nobody's."""
    store_id: UUID
    object_kind: int | None
    object_id: str | None
    done: bool
    """False: undone."""
    at: datetime
    day: date
    hour: int

    @property
    def key(self) -> Key:
        """Program and activity."""
        return self.program_id, self.activity_id


class FactCoupon(Struct, frozen=True):
    """One coupon, as the highest version of it that was told leaves it."""

    program_id: int
    coupon_id: UUID
    version: int
    revoked: bool

    @property
    def key(self) -> Key:
        """Program and coupon."""
        return self.program_id, self.coupon_id


class Cell(Struct, frozen=True, kw_only=True):
    """Figures of a cell, or what a batch adds to them; one field per measure, in their order."""

    orders: int
    first_orders: int
    units: int
    gross_minor: int
    refunds_minor: int
    net_minor: int
    points: int

    @property
    def lowers(self) -> bool:
        """Whether adding it may leave nothing in the cell."""
        figures = (
            self.orders,
            self.first_orders,
            self.units,
            self.gross_minor,
            self.refunds_minor,
            self.net_minor,
            self.points,
        )
        return min(figures) < 0


class DayStore(Cell, frozen=True, kw_only=True):
    """Figures of a store's local day."""

    program_id: int
    day: date
    store_id: UUID

    @property
    def key(self) -> tuple[int, date, UUID]:
        """Program, day, store."""
        return self.program_id, self.day, self.store_id


class DayHour(Cell, frozen=True, kw_only=True):
    """Figures of an hour of a store's local day."""

    program_id: int
    day: date
    store_id: UUID
    hour: int

    @property
    def key(self) -> tuple[int, date, UUID, int]:
        """Program, day, store, hour."""
        return self.program_id, self.day, self.store_id, self.hour


class DayTier(Cell, frozen=True, kw_only=True):
    """Figures of the orders at a tier of a store's local day."""

    program_id: int
    day: date
    store_id: UUID
    tier: str

    @property
    def key(self) -> tuple[int, date, UUID, str]:
        """Program, day, store, tier."""
        return self.program_id, self.day, self.store_id, self.tier


StoreCell = DayStore | DayHour | DayTier


class DayPoints(Struct, frozen=True):
    """Points of a local day by what moved them."""

    program_id: int
    day: date
    wallet: str
    kind: int
    account: int
    source_kind: int
    points: int

    @property
    def key(self) -> tuple[int, date, str, int, int, int]:
        """Program, day, wallet, kind, book account, source kind."""
        return (
            self.program_id,
            self.day,
            self.wallet,
            self.kind,
            self.account,
            self.source_kind,
        )


class Progress(Struct, frozen=True):
    """How far a program's events are applied."""

    program_id: int
    as_of: datetime | None = None
    """The greatest event time applied."""
    drained_at: datetime | None = None
    """When a batch last held all that the log had."""
    lag_seconds: int = 0
    """How long the newest event of the last batch had waited on the log, at most."""

    @property
    def key(self) -> int:
        """Program."""
        return self.program_id


class Tail(Struct, frozen=True):
    """A subject's orders from an instant on are all in the state; so many come before them."""

    since: datetime
    before: int


class Batch(Struct, frozen=True):
    """What is known of the batch itself."""

    begun_at: datetime
    """When its transaction began, by PostgreSQL's clock."""
    inputs: int
    newest: Mapping[int, datetime]
    """By program, the greatest event time in it."""


class AnalyticsState(State):
    """What a batch knows of the facts."""

    def __init__(self, programs: Mapping[str, Program], batch: Batch) -> None:
        super().__init__(programs)
        self.batch = batch
        self.customers = self.table(Customer)
        self.members = self.table(Member)
        self.orders = self.table(
            FactOrder,
            customer=lambda row: (row.program_id, row.customer_id),
            member=lambda row: (row.program_id, row.member_id),
            subject=lambda row: row.subject,
        )
        self.refunds = self.table(FactRefund, order=lambda row: (row.program_id, row.order_id))
        self.entries = self.table(FactPoints, order=lambda row: (row.program_id, row.order_id))
        self.activities = self.table(
            FactActivity, customer=lambda row: (row.program_id, row.customer_id)
        )
        self.coupons = self.table(FactCoupon)
        self.day_stores = self.table(DayStore)
        self.day_hours = self.table(DayHour)
        self.day_tiers = self.table(DayTier)
        self.day_points = self.table(DayPoints)
        self.progress = self.table(Progress)
        self.stored_orders: Mapping[Key, FactOrder] = {}
        self.stored_refunds: Mapping[Key, FactRefund] = {}
        self.tails: Mapping[Key, Tail] = {}

    def read_facts(
        self,
        orders: Sequence[FactOrder],
        refunds: Sequence[FactRefund],
        tails: Mapping[Key, Tail],
    ) -> None:
        """Take orders and refunds as they are stored; cells move by the difference to them."""
        self.orders.read(orders)
        self.refunds.read(refunds)
        self.stored_orders = {row.key: row for row in orders}
        self.stored_refunds = {row.key: row for row in refunds}
        self.tails = tails


def entry_key(text: str) -> UUID:
    """What an entry of the ledger is keyed by here: its text id is longer than a uuid."""
    return UUID(bytes=hashlib.sha256(text.encode()).digest()[:16])


def cancellation_id(order_id: UUID) -> UUID:
    """What stands for the cancellation of an order among the refunds."""
    return derive("cancellation", text_id("ord", order_id))


def check_in_id(customer_id: UUID, day: date) -> UUID:
    """A customer's check-in of a local day: one fact, however often it is told."""
    return derive("check-in", text_id("cus", customer_id), day.isoformat())


def encode(value: Timeline | Sequence[Link] | Sequence[Line]) -> bytes:
    """A column's bytes."""
    return _ENCODER.encode(value)


def decode_timeline(raw: bytes) -> Timeline:
    """The tiers of a member."""
    return _TIMELINE.decode(raw)


def decode_lines(raw: bytes) -> list[Line]:
    """The lines of an order."""
    return _LINES.decode(raw)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=enc_hook)
_TIMELINE: Final = msgspec.json.Decoder(Timeline, dec_hook=dec_hook)
_LINES: Final = msgspec.json.Decoder(list[Line])
