"""Values of campaigns: campaigns and what was done to them, views of what others tell, commands.

Frozen. Ids are uuids here; their text form exists at the edge alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from services.campaigns.coupons.model import Code, CouponBook, Key, Template
from services.campaigns.settings import NewMemberGift, OrderCoupon
from shared.events.codec import dec_hook, enc_hook
from shared.links import Link
from shared.programs import Program


class CampaignState(Code):
    """Where staff have put a campaign; whether it is running follows from the clock as well."""

    DRAFT = 1
    CONFIRMED = 2
    PAUSED = 3
    ENDED = 4
    DISCARDED = 5


MoveName = Literal["confirm", "pause", "resume", "stop"]
"""What staff do to a campaign."""


Span = tuple[datetime, datetime]
"""From the first to the last instant, both in it."""


class Campaign(Struct, frozen=True):
    """A promise for a time: in force from `starts_at` up to `ends_at`."""

    program_id: int
    campaign_id: UUID
    kind: str
    name: str
    state: int
    starts_at: datetime
    ends_at: datetime
    version: int
    """The newest body."""
    revision: int
    """Rises with every change."""
    moves: int
    saved_at: datetime
    """Of the newest body."""

    @property
    def key(self) -> Key:
        """Program and campaign."""
        return self.program_id, self.campaign_id

    def rest(self, at: datetime) -> Span:
        """What of its time a change at an instant concerns."""
        return max(self.starts_at, at), self.ends_at


class CampaignVersion(Struct, frozen=True):
    """One saved body of a campaign. Never changes."""

    program_id: int
    campaign_id: UUID
    version: int
    body: str
    """JSON."""
    author: str
    at: datetime

    @property
    def key(self) -> tuple[int, UUID, int]:
        """Program, campaign, version."""
        return self.program_id, self.campaign_id, self.version


class CampaignMove(Struct, frozen=True):
    """One change of a campaign's state. Never changes."""

    program_id: int
    campaign_id: UUID
    no: int
    state: int
    """After it."""
    at: datetime
    author: str
    reason: str | None

    @property
    def key(self) -> tuple[int, UUID, int]:
        """Program, campaign, number."""
        return self.program_id, self.campaign_id, self.no


class Promise(Struct, frozen=True):
    """A confirmed campaign with everything that decides what it owes to whom."""

    campaign: Campaign
    body: NewMemberGift | OrderCoupon
    templates: tuple[Template, ...]
    """By their place."""
    moves: tuple[CampaignMove, ...]
    """By their number."""


class CustomerView(Struct, frozen=True):
    """A customer with all links it ever had. Its row is what a batch locks first."""

    program_id: int
    customer_id: UUID
    links: tuple[Link, ...] = ()

    @property
    def key(self) -> Key:
        """Program and customer."""
        return self.program_id, self.customer_id


class MemberView(Struct, frozen=True):
    """A member; one of whom only a link is known has not joined yet."""

    program_id: int
    member_id: UUID
    effective_from: datetime | None = None
    """The earliest told."""
    erased_at: datetime | None = None
    """When the member was forgotten; what they hold stays, of an id that names nobody."""

    @property
    def key(self) -> Key:
        """Program and member."""
        return self.program_id, self.member_id


class Line(Struct, frozen=True, gc=False):
    """One line of an order, as it was bought."""

    line_id: str
    sku: str
    kind: str
    net_minor: int


class OrderBody(Struct, frozen=True, omit_defaults=True):
    """What an order is made of, encoded in one column."""

    lines: list[Line]
    """Of the earliest completion, else of the earliest payment."""


class OrderFact(Struct, frozen=True):
    """What campaigns needs of an order: one row however many lines it has."""

    program_id: int
    order_id: UUID
    customer_id: UUID | None
    """None: a guest's."""
    currency: str | None
    paid_at: datetime | None
    completed_at: datetime | None
    """The earliest completion told: it counts."""
    completed_last_at: datetime | None
    cancelled_at: datetime | None
    """The latest cancellation."""
    body: OrderBody

    @property
    def key(self) -> Key:
        """Program and order."""
        return self.program_id, self.order_id

    @property
    def voided_at(self) -> datetime | None:
        """When it was cancelled, if that is the latest word: completed again, it stands again."""
        last = self.completed_last_at
        if self.cancelled_at is None or (last is not None and self.cancelled_at < last):
            return None
        return self.cancelled_at


class RefundLine(Struct, frozen=True, gc=False):
    """What a refund gives back of one line."""

    line_id: str
    sku: str
    net_minor: int


class RefundBody(Struct, frozen=True, omit_defaults=True):
    """What a refund gives back, encoded in one column."""

    lines: list[RefundLine]
    amount_minor: int = 0
    """Tied to no line."""
    whole: bool = False
    """All that is left."""


class RefundFact(Struct, frozen=True):
    """One refund, known before or after its order."""

    program_id: int
    refund_id: UUID
    order_id: UUID
    at: datetime
    body: RefundBody

    @property
    def key(self) -> Key:
        """Program and refund."""
        return self.program_id, self.refund_id


class CreateCampaign(Struct, frozen=True):
    """Command: a new draft."""

    campaign_id: UUID
    body: str
    starts_at: datetime
    ends_at: datetime


class SaveDraft(Struct, frozen=True):
    """Command: another body or time of a draft. `revision` None: whichever it is at."""

    campaign_id: UUID
    revision: int | None
    body: str
    starts_at: datetime
    ends_at: datetime


class MoveCampaign(Struct, frozen=True):
    """Command: confirm, pause, resume or stop a campaign."""

    campaign_id: UUID
    revision: int | None
    move: MoveName
    reason: str | None = None
    template_ids: tuple[UUID, ...] = ()
    """For the templates that a confirmation makes; at least one for each coupon."""


class SeedCampaign(Struct, frozen=True):
    """Command of demo and tests: a confirmed campaign, which may have started long ago."""

    campaign_id: UUID
    template_ids: tuple[UUID, ...]
    body: str
    starts_at: datetime
    ends_at: datetime


class CampaignsState(CouponBook):
    """What a batch knows of campaigns and of what they react to."""

    def __init__(self, programs: Mapping[str, Program], horizons: Mapping[int, datetime]) -> None:
        super().__init__(programs, horizons)
        self.promises: dict[int, tuple[Promise, ...]] = {}
        """By program, the campaigns in force at any instant that the batch is about."""
        self.campaigns = self.table(Campaign)
        self.versions = self.table(CampaignVersion)
        self.moves = self.table(CampaignMove)
        self.customers = self.table(CustomerView)
        self.members = self.table(MemberView)
        self.orders = self.table(OrderFact)
        self.refunds = self.table(RefundFact, order=lambda row: (row.program_id, row.order_id))


def encode(value: OrderBody | RefundBody | Sequence[Link]) -> bytes:
    """A column's bytes."""
    return _ENCODER.encode(value)


def decode_order(raw: bytes) -> OrderBody:
    """The body of an order."""
    return _ORDER.decode(raw)


def decode_refund(raw: bytes) -> RefundBody:
    """The body of a refund."""
    return _REFUND.decode(raw)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=enc_hook)
_ORDER: Final = msgspec.json.Decoder(OrderBody, dec_hook=dec_hook)
_REFUND: Final = msgspec.json.Decoder(RefundBody, dec_hook=dec_hook)
