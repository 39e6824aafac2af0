"""HTTP models of points, with examples. The flow never imports them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]


class Money(BaseModel):
    """An amount in minor units of a currency."""

    amount_minor: int
    currency: str


class NextExpiry(BaseModel):
    """What lapses next, and when."""

    at: Instant
    amount: int


class Wallet(BaseModel):
    """One wallet of a member."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "wallet": "points",
                "kind": "points",
                "balance": 1044,
                "available": 1044,
                "held": 0,
                "pending": 0,
                "debt": 0,
                "next_expiry": None,
                "value": {"amount_minor": 1044, "currency": "CNY"},
                "version": 5,
            }
        }
    )

    wallet: str
    kind: str
    balance: int
    available: int = Field(description="What may be spent: open, less held, debt and lapsed")
    held: int
    pending: int
    debt: int
    next_expiry: NextExpiry | None
    value: Money = Field(description="What the balance is worth by the settings in force")
    version: int = Field(description="Number of ledger lines so far")


class Balance(BaseModel):
    """A member's wallets."""

    member_id: str
    wallets: list[Wallet]


class BalanceLine(BaseModel):
    """What a member has."""

    member_id: str
    balance: int


class Balances(BaseModel):
    """Balances of those who have a wallet, by id."""

    items: list[BalanceLine]


class EntryAnswer(BaseModel):
    """One line of the ledger."""

    entry_id: str
    version: int
    wallet: str
    kind: str
    account: str
    amount: int
    balance: int
    at: Instant
    posted_at: Instant
    source_kind: str
    source_id: str
    order_id: str | None = None
    rule_version: int | None = None
    reason: str | None = None


class EntryPage(BaseModel):
    """A page of the ledger, the newest line first."""

    items: list[EntryAnswer]
    next_page_token: str | None


class LotAnswer(BaseModel):
    """Points of one source with one expiry."""

    lot_id: str
    wallet: str
    order_id: str | None
    granted: int
    drawn: int
    open: int
    earned_at: Instant
    expires_at: Instant | None


class LotPage(BaseModel):
    """A page of lots with something left."""

    items: list[LotAnswer]
    next_page_token: str | None


class ExplanationAnswer(BaseModel):
    """Why an entry has the points that it has."""

    entry_id: str
    kind: str
    amount: int
    rule_version: int | None
    cause: dict[str, Any]
    order: dict[str, Any] | None
    calculation: dict[str, Any]
    lot: dict[str, Any] | None
    touched_later: list[dict[str, Any]]
    sentence: str


class OrderRefund(BaseModel):
    """A refund of an order."""

    refund_id: str
    refund_no: str
    at: Instant
    total_minor: int


class OrderAnswer(BaseModel):
    """An order as points know it, and what it gave."""

    order_id: str
    order_no: str
    store_id: str
    customer_id: str | None = Field(description="Null: a guest's")
    member_id: str | None = Field(description="Whose points they are")
    status: str
    paid_at: Instant
    completed_at: Instant | None
    cancelled_at: Instant | None
    total: Money
    refunded_minor: int
    tier: str | None = Field(description="In force strictly before its completion")
    rule_version: int | None
    points: int = Field(description="What it gives now")
    lacking: str | None = Field(description="Why it gives none")
    refunds: list[OrderRefund]
    entries: list[EntryAnswer]


class ExceptionLine(BaseModel):
    """A refund that could not be taken at its word."""

    refund_id: str
    refund_no: str
    order_id: str | None
    at: Instant
    reason: str
    excess_minor: int


class CheckInDay(BaseModel):
    """A day on which a member checked in."""

    day: str
    points: int


class CheckInMonth(BaseModel):
    """A month of a member's check-ins."""

    month: str
    today: str
    days: list[CheckInDay]


class ExceptionPage(BaseModel):
    """A page of what an operator should look at."""

    items: list[ExceptionLine]
    next_page_token: str | None


class Totals(BaseModel):
    """Figures over the whole program; what other services hold too must agree."""

    orders: int
    order_total_minor: int
    refunds: int
    refund_total_minor: int
    check_ins: int
    points_from_orders: int
    """Sum of what all orders give now."""
    points_balance: int
