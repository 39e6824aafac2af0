"""Values of the ledger: rows as the tables hold them, and the codes of kinds.

Frozen and checked when made. Ids are uuids here; their text form exists at the edge alone.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import IntEnum
from operator import attrgetter
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from shared.days import Instant
from shared.events.codec import dec_hook, enc_hook
from shared.events.storefront.refund import RefundLine
from shared.flow import State
from shared.ids import derive, text_id, text_id_of_entry
from shared.links import Link
from shared.programs import Program
from shared.settings.versions import Published

POINTS: Final = 1
"""Code of the wallet `points`."""
WALLETS: Final = {POINTS: "points"}


class _Code(IntEnum):
    label: str
    """The kebab-case word of events and API."""

    def __init__(self, _code: int) -> None:
        self.label = self.name.lower().replace("_", "-")


class EntryKind(_Code):
    """What a ledger line is; its code is part of the entry's id and never changes."""

    EARN = 1
    ACTIVITY = 2
    GRANT = 3
    IMPORT = 4
    ADJUST = 5
    CORRECT = 6
    CLAW_BACK = 7
    SPEND = 8
    RETURN = 9
    EXPIRE = 10
    SET_OFF = 11
    EXTEND = 12
    REINSTATE = 13
    TRANSFER_OUT = 14
    TRANSFER_IN = 15
    MERGE_OUT = 16
    MERGE_IN = 17
    WRITE_OFF = 18


class SourceKind(_Code):
    """What caused a ledger line; its code is part of the entry's id and never changes."""

    ORDER = 1
    CHECK_IN = 2
    STREAK = 3
    ACTIVITY = 4
    GRANT = 5
    IMPORT = 6
    ADJUSTMENT = 7
    REFUND = 8
    CANCEL = 9
    TIER = 10
    LINK = 11
    SETTINGS = 12
    LOT = 13


class PurchaseStatus(_Code):
    """Where an order stands."""

    PENDING = 1
    CONFIRMED = 2
    PARTLY_REVERSED = 3
    REVERSED = 4
    DROPPED = 5
    QUARANTINED = 6
    UNCLAIMED = 7
    """No member to earn for, yet."""
    UNCLAIMABLE = 8
    """Completed before its customer's link earns."""


class RefundState(_Code):
    """Where a refund stands."""

    WAITING = 1
    """Its order is not known yet."""
    APPLIED = 2
    UNMATCHED = 3
    """It names no order."""


class LotState(_Code):
    """Whether anything of a lot can still be used."""

    OPEN = 1
    CLOSED = 2


class Rule(_Code):
    """Rules that give points for something other than an order."""

    CHECK_IN = 1


class Customer(Struct, frozen=True, gc=False):
    """A customer with all links it ever had. Its row is what a batch locks first."""

    program_id: int
    customer_id: UUID
    links: tuple[Link, ...] = ()

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and customer."""
        return self.program_id, self.customer_id


class Account(Struct, frozen=True, gc=False):
    """A wallet: balance = open − debt, always; the version counts its entries."""

    program_id: int
    holder_id: UUID
    wallet: int
    balance: int = 0
    open: int = 0
    debt: int = 0
    held: int = 0
    pending: int = 0
    version: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        assert self.balance == self.open - self.debt, self
        assert 0 <= self.held <= self.open, self
        assert self.debt >= 0, self

    @property
    def key(self) -> tuple[int, UUID, int]:
        """Program, holder, wallet."""
        return self.program_id, self.holder_id, self.wallet

    @property
    def available(self) -> int:
        """What may be spent."""
        return max(0, self.open - self.held - self.debt)


class Entry(Struct, frozen=True, gc=False):
    """One immutable ledger line."""

    program_id: int
    holder_id: UUID
    wallet: int
    version: int
    kind: int
    amount: int
    balance_after: int
    at: datetime
    """When it happened."""
    source_kind: int
    source_id: UUID
    order_id: UUID | None
    cause_event: UUID
    reason: str | None
    rule_version: int | None

    @property
    def key(self) -> tuple[int, UUID, int, int]:
        """Program, holder, wallet, version."""
        return self.program_id, self.holder_id, self.wallet, self.version

    @property
    def text_id(self) -> str:
        """The id outside: source id, source kind, kind. It is the entry's unique key."""
        return entry_id(self.source_id, self.source_kind, self.kind)


class Lot(Struct, frozen=True, gc=False):
    """Points of one source with one expiry.

    `granted` is what the source gives now, `drawn` what spends, expiries and set-offs took (of it
    `expired` by expiry). open = max(held, granted − drawn); short = open − granted + drawn.
    """

    program_id: int
    lot_id: UUID
    holder_id: UUID
    wallet: int
    order_id: UUID | None
    granted: int
    drawn: int
    expired: int
    held: int
    open: int
    short: int
    state: int
    earned_at: datetime
    usable_from: datetime
    expires_at: datetime | None
    first_expires_at: datetime | None
    expiry_rule: str
    unit_cost_minor: int

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        left = self.granted - self.drawn
        assert self.open == (max(self.held, left)), self
        assert self.short == self.open - left, self
        assert self.drawn >= self.expired >= 0 <= self.granted, self
        assert self.held >= 0 <= self.open, self
        assert self.short >= 0, self

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and lot."""
        return self.program_id, self.lot_id


class Allocation(Struct, frozen=True, gc=False):
    """A part of a debit: which lot it came from, or (no lot) what it did to the debt."""

    program_id: int
    holder_id: UUID
    wallet: int
    version: int
    part: int
    lot_id: UUID | None
    amount: int

    @property
    def key(self) -> tuple[int, UUID, int, int, int]:
        """Program, holder, wallet, version of the debit, part."""
        return self.program_id, self.holder_id, self.wallet, self.version, self.part


class Line(Struct, frozen=True, gc=False):
    """One line of an order: what was paid for it, and what was refunded of it since."""

    line_id: str
    sku: str
    categories: list[str]
    kind: str
    quantity: int
    amount_minor: int
    """After discounts, without tax, for the whole line."""
    tax_minor: int
    points_paid_minor: int
    refunded_quantity: int = 0
    refunded_minor: int = 0

    @property
    def left_minor(self) -> int:
        """What is not refunded."""
        return self.amount_minor - self.refunded_minor

    @property
    def is_refunded(self) -> bool:
        """Whether anything of it was given back."""
        return bool(self.refunded_quantity or self.refunded_minor)


class Multiplier(Struct, frozen=True, gc=False):
    """A factor of an award and the rule that it comes from."""

    rule: str
    bp: int


class LinePoints(Struct, frozen=True, gc=False):
    """A line's share of an award."""

    line_id: str
    points: int


class Award(Struct, frozen=True, gc=False):
    """What an order gives now, in one wallet and rate group."""

    wallet: str
    group: str
    eligible_minor: int
    units: int
    base: int
    multipliers: list[Multiplier]
    points: int
    trimmed: int
    lines: list[LinePoints]


class Stood(Struct, frozen=True, omit_defaults=True, gc=False):
    """What an order's award hung on at some time, beside its refunds."""

    completed_at: Instant
    holder_id: UUID | None = None
    tier: str | None = None
    rule_version: int | None = None
    cancelled: bool = False


class Change(Struct, frozen=True, omit_defaults=True, gc=False):
    """What changed an order's award, with the account version after the entry that it caused."""

    kind: str
    """`refund`, `cancel`, `order`, `tier`, `link` or `settings`."""
    id: UUID
    """Of the refund, or of the event or boundary."""
    at: Instant
    version: int
    points: int
    was: Stood | None = None
    """What it hung on before, if it then hung on something else."""


class Body(Struct, frozen=True, omit_defaults=True, gc=False):
    """What an order is made of, encoded in one column."""

    v: int
    placed_at: Instant
    paid_at: Instant
    currency: str
    total_minor: int
    shipping_minor: int
    lines: list[Line]
    awards: list[Award]
    changes: list[Change]
    completed_last_at: Instant | None = None
    """The latest completion told, when it is another than the first."""
    cancelled_at: Instant | None = None
    """The latest cancellation."""
    shipping_refunded_minor: int = 0


class Purchase(Struct, frozen=True, gc=False):
    """One order: an order is one row however many lines it has."""

    program_id: int
    order_id: UUID
    order_no: str
    customer_id: UUID | None
    holder_id: UUID | None
    store_id: UUID
    status: int
    completed_at: datetime | None
    rule_version: int | None
    tier: str | None
    refunded: int
    """Minor units of goods taken back."""
    posted: int
    """Sum of its entries = points of its awards."""
    body: Body

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and order."""
        return self.program_id, self.order_id


class RefundBody(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a refund gives back, encoded in one column."""

    refund_no: str
    currency: str
    lines: list[RefundLine]
    shipping_minor: int
    amount_minor: int
    total_minor: int
    scope: str
    deducted_for_points_minor: int | None = None


class Refund(Struct, frozen=True, gc=False):
    """One refund, known before or after its order."""

    program_id: int
    refund_id: UUID
    order_id: UUID | None
    customer_id: UUID | None
    at: datetime
    state: int
    clipped_minor: int
    """What it gives back beyond what its order had left."""
    body: RefundBody

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and refund."""
        return self.program_id, self.refund_id


class ActivityFact(Struct, frozen=True, gc=False):
    """Something a customer did that gives points once per member and key (a local day)."""

    program_id: int
    customer_id: UUID
    rule: int
    once_key: str
    holder_id: UUID | None
    at: datetime
    """The earliest time told."""
    local_day: date
    cause_event: UUID
    points: int
    """What it gives its holder; 0 where another customer of the same member has the day."""

    @property
    def key(self) -> tuple[int, UUID, int, str]:
        """Program, customer, rule, once key."""
        return self.program_id, self.customer_id, self.rule, self.once_key


class TierSpan(Struct, frozen=True, gc=False):
    """From an instant on a member has a tier, as a revision of their timeline says."""

    program_id: int
    holder_id: UUID
    revision: int
    no: int
    from_at: datetime
    tier: str
    rank: int
    superseded_by: int | None = None

    @property
    def key(self) -> tuple[int, UUID, int, int]:
        """Program, holder, revision, number within it."""
        return self.program_id, self.holder_id, self.revision, self.no


class Stale(Struct, frozen=True, gc=False):
    """Orders of a holder to award again at the end of the batch. Never saved."""

    program_id: int
    holder_id: UUID
    since: datetime
    cause_event: UUID

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and holder."""
        return self.program_id, self.holder_id


class PointsState(State):
    """What a batch knows of the ledger."""

    def __init__(
        self,
        programs: Mapping[str, Program],
        published: Published,
        watermarks: Mapping[int, datetime],
    ) -> None:
        super().__init__(programs)
        self.published = published
        self.watermarks = watermarks
        self.customers = self.table(Customer)
        self.accounts = self.table(Account)
        self.purchases = self.table(
            Purchase,
            customer=attrgetter("program_id", "customer_id"),
            holder=attrgetter("program_id", "holder_id"),
        )
        self.refunds = self.table(Refund, order=attrgetter("program_id", "order_id"))
        self.lots = self.table(Lot, holder=attrgetter("program_id", "holder_id"))
        self.facts = self.table(
            ActivityFact,
            customer=attrgetter("program_id", "customer_id"),
            day=attrgetter("program_id", "holder_id", "rule", "once_key"),
        )
        self.spans = self.table(TierSpan, holder=attrgetter("program_id", "holder_id"))
        self.entries = self.table(Entry)
        self.allocations = self.table(Allocation)
        self.stale = self.table(Stale)

    def spans_of(self, program_id: int, holder_id: UUID) -> list[TierSpan]:
        """A holder's spans that are in force, in their order."""
        found = self.spans.of("holder", (program_id, holder_id))
        in_force = [span for span in found if span.superseded_by is None]
        if len(in_force) > 1:
            in_force.sort(key=lambda span: (span.from_at, span.revision, span.no))
        return in_force

    def refunds_of(self, program_id: int, order_id: UUID) -> list[Refund]:
        """An order's refunds by the time when they happened."""
        found = self.refunds.of("order", (program_id, order_id))
        if len(found) > 1:
            found.sort(key=lambda refund: (refund.at, refund.refund_id))
        return found


def entry_id(source_id: UUID, source_kind: int, kind: int) -> str:
    """`ent_` + base32 of 18 bytes: source id, source kind, entry kind."""
    return text_id_of_entry(source_id, source_kind, kind)


def lot_id(program: str, wallet: int, source_kind: SourceKind, source: str) -> UUID:
    """Id of the lot that a source opens in a wallet; the source in its text form."""
    return derive("lot", program, WALLETS[wallet], source_kind.label, source)


def check_in_source(program: str, holder_id: UUID, day: str) -> UUID:
    """What a member's check-in of a local day is, as a source of points."""
    return derive("check-in", program, text_id("mem", holder_id), day)


def encode(value: Body | RefundBody | tuple[Link, ...]) -> bytes:
    """A column's bytes."""
    return _ENCODER.encode(value)


def decode_body(raw: bytes) -> Body:
    """The body of a purchase."""
    return _BODY.decode(raw)


def decode_refund(raw: bytes) -> RefundBody:
    """The body of a refund."""
    return _REFUND.decode(raw)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=enc_hook)
_BODY: Final = msgspec.json.Decoder(Body, dec_hook=dec_hook)
_REFUND: Final = msgspec.json.Decoder(RefundBody, dec_hook=dec_hook)
