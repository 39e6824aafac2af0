"""Values of coupons: rows as the tables hold them, codes of states, what a batch knows of them.

Frozen. Ids are uuids here; their text form exists at the edge alone.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import IntEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.campaigns.coupons.settings import CouponSettings
from shared.flow import State
from shared.ids import derive, parse_id, text_id
from shared.programs import Program

Key = tuple[int, UUID]
TOTAL: Final = "total"
"""Period of a limit that holds for ever."""
ONE_SHARD: Final = 0
"""Coupons' stock is one counter; what is grabbed by thousands a second would have several."""
STAFF_REASON: Final = "staff"
NOT_EARNED: Final = "not-earned"
"""What earned it no longer does."""


class Code(IntEnum):
    """A smallint of the tables; never changes."""

    @property
    def label(self) -> str:
        """The kebab-case word of events and API."""
        return self.name.lower().replace("_", "-")


class CouponState(Code):
    """Where a coupon stands."""

    NAMED = 0
    """Not issued: the row only holds the place of a coupon that an order named."""
    ISSUED = 1
    HELD = 2
    USED = 3
    EXPIRED = 4
    REVOKED = 5


class Move(Code):
    """What a line of a coupon's history says happened."""

    ISSUED = 1
    HELD = 2
    RELEASED = 3
    USED = 4
    RETURNED = 5
    EXPIRED = 6
    REVOKED = 7
    OVER_USE = 8
    MOVED = 9
    """It belongs to somebody else: its customer became a member."""


class Channel(Code):
    """How a coupon came to its holder."""

    NEW_MEMBER_GIFT = 1
    AFTER_ORDER = 2
    STAFF = 3


class HolderKind(Code):
    """Whose a coupon is."""

    MEMBER = 1
    CUSTOMER = 2


_SOURCES: Final = {
    Channel.NEW_MEMBER_GIFT: ("member", "mem"),
    Channel.AFTER_ORDER: ("order", "ord"),
    Channel.STAFF: ("command", "cmd"),
}
_HOLDERS: Final = {HolderKind.MEMBER: "mem", HolderKind.CUSTOMER: "cus"}


class Holder(Struct, frozen=True):
    """A member, or a customer who is none."""

    kind: int
    id: UUID

    @property
    def text(self) -> str:
        """Text id."""
        return text_id(_HOLDERS[HolderKind(self.kind)], self.id)


class Template(Struct, frozen=True):
    """What coupons are made from. Made with its campaign's confirmation and fixed from then on."""

    program_id: int
    template_id: UUID
    campaign_id: UUID
    place: int
    """1 to 3, within the campaign."""
    body: CouponSettings

    @property
    def key(self) -> Key:
        """Program and template."""
        return self.program_id, self.template_id


class Entitlement(Struct, frozen=True):
    """A coupon that is owed by what happened: from an instant on, perhaps only up to another."""

    template: Template
    channel: Channel
    source_id: UUID
    holder: Holder
    since: datetime
    until: datetime | None = None
    """From then on it is not owed any more."""
    customer_id: UUID | None = None
    """Whose order earned it, whoever holds it."""
    no: int = 1

    def coupon_id(self, program: Program) -> UUID:
        """Id of the coupon."""
        return coupon_id(program, self.template, self.channel, self.source_id, self.no)


class Coupon(Struct, frozen=True):
    """A coupon: the facts that it hangs on, and where they put it.

    Facts: template, source, holder, `since`, `owed_until`, `revoked_at`, `revoked_reason`. The rest
    follows from them, from the orders that name it, and from the time.
    """

    program_id: int
    coupon_id: UUID
    template_id: UUID
    campaign_id: UUID
    channel: int
    source_id: UUID
    no: int
    customer_id: UUID | None
    holder_kind: int
    holder_id: UUID
    since: datetime
    owed_until: datetime | None
    valid_from: datetime
    valid_to: datetime
    """Exclusive."""
    state: int
    revoked_at: datetime | None = None
    """By staff; or, for want of stock or by the limit, from when on it was not given."""
    revoked_reason: str | None = None
    order_id: UUID | None = None
    """That used it."""
    hold_id: UUID | None = None
    held_until: datetime | None = None
    version: int = 0
    """Lines of its history; 0: it was owed and never issued, for want of stock or by the limit."""
    changed_at: datetime | None = None
    """Of the last line."""

    @property
    def key(self) -> Key:
        """Program and coupon."""
        return self.program_id, self.coupon_id

    @property
    def holder(self) -> Holder:
        """Whose it is."""
        return Holder(self.holder_kind, self.holder_id)

    @property
    def counts(self) -> bool:
        """Whether it takes a place in stock and limits: it does unless it is revoked."""
        return self.state != CouponState.REVOKED

    @property
    def ended_at(self) -> datetime | None:
        """From when on it is not owed, or revoked; None: it stands."""
        ends = [end for end in (self.owed_until, self.revoked_at) if end is not None]
        return min(ends, default=None)

    @property
    def ended_reason(self) -> str | None:
        """Why it does not stand."""
        if self.revoked_at is not None and self.revoked_at == self.ended_at:
            return self.revoked_reason
        return NOT_EARNED if self.owed_until is not None else None


class Naming(Struct, frozen=True):
    """An order that names a coupon."""

    program_id: int
    coupon_id: UUID
    order_id: UUID
    at: datetime
    """The earliest payment or completion that names it."""
    cancelled_at: datetime | None = None
    """The latest word on the order, if it is a cancellation."""
    refunded_at: datetime | None = None
    """From when on nothing is left of the order."""
    over_use: bool = False
    """Another order used the coupon, or nobody could any more; told as `over-use`."""

    @property
    def key(self) -> tuple[int, UUID, UUID]:
        """Program, coupon, order."""
        return self.program_id, self.coupon_id, self.order_id

    @property
    def coupon(self) -> Key:
        """Program and coupon."""
        return self.program_id, self.coupon_id


class HistoryLine(Struct, frozen=True):
    """One move of a coupon. Never changes."""

    program_id: int
    coupon_id: UUID
    no: int
    move: int
    state: int
    """After it."""
    at: datetime
    holder_kind: int
    holder_id: UUID
    order_id: UUID | None
    reason: str | None
    note: str | None
    """Staff's own words; never told to anybody outside."""
    cause: UUID
    """The event, command or boundary that led to it."""

    @property
    def key(self) -> tuple[int, UUID, int]:
        """Program, coupon, number."""
        return self.program_id, self.coupon_id, self.no


class Stock(Struct, frozen=True):
    """How many coupons of a template there may be in all, and how many there are."""

    program_id: int
    stock_id: UUID
    total: int
    taken: int = 0
    shard: int = ONE_SHARD
    read: int | None = None
    """What was taken when the batch began; None: there was no counter."""
    asked: bool = False
    """Something was newly issued, which the total must allow; else it only counts facts."""

    @property
    def key(self) -> tuple[int, UUID, int]:
        """Program, stock, shard."""
        return self.program_id, self.stock_id, self.shard


class Quota(Struct, frozen=True):
    """How many coupons of a template a holder has; the rest as in `Stock`."""

    program_id: int
    quota_id: UUID
    holder_id: UUID
    taken: int = 0
    period: str = TOTAL
    most: int = 0
    """How many there may be."""
    read: int | None = None
    asked: bool = False

    @property
    def key(self) -> tuple[int, UUID, UUID, str]:
        """Program, quota, holder, period."""
        return self.program_id, self.quota_id, self.holder_id, self.period


class IssueCoupon(Struct, frozen=True):
    """Command: staff give a member a coupon."""

    template_id: UUID
    member_id: UUID


class RevokeCoupon(Struct, frozen=True):
    """Command: staff take an unused coupon back."""

    coupon_id: UUID
    reason: str


class CouponBook(State):
    """What a batch knows of coupons."""

    def __init__(self, programs: Mapping[str, Program], horizons: Mapping[int, datetime]) -> None:
        super().__init__(programs)
        self.horizons = horizons
        """By program, up to when coupons have lapsed."""
        self.placed: frozenset[Key] = frozenset()
        """Coupons that have a row already, if only one that holds their place."""
        self.templates = self.table(Template)
        self.coupons = self.table(
            Coupon,
            source=lambda row: (row.program_id, row.source_id),
            customer=lambda row: (row.program_id, row.customer_id),
        )
        self.namings = self.table(
            Naming,
            coupon=lambda row: row.coupon,
            order=lambda row: (row.program_id, row.order_id),
        )
        self.stocks = self.table(Stock)
        self.quotas = self.table(Quota)
        self.lines = self.table(HistoryLine)


def coupon_id(
    program: Program, template: Template, channel: Channel, source_id: UUID, no: int = 1
) -> UUID:
    """The same source gives the same coupon for ever."""
    return derive(
        "coupon",
        program.text_id,
        text_id("cpt", template.template_id),
        channel.label,
        source_text(channel, source_id),
        str(no),
    )


def named_by(codes: Iterable[str]) -> list[UUID]:
    """Coupons that an order's codes name, each once; other codes are the shop's own."""
    found: dict[UUID, None] = {}
    for code in codes:
        try:
            found[parse_id("cpn", code.strip().lower())] = None
        except ValueError:
            continue
    return list(found)


def source_kind(channel: int) -> str:
    """What a coupon of a channel came from, as events name it."""
    return _SOURCES[Channel(channel)][0]


def source_text(channel: int, source_id: UUID) -> str:
    """Text id of what a coupon came from."""
    return text_id(_SOURCES[Channel(channel)][1], source_id)
