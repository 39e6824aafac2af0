"""HTTP models of analytics, with examples. The flow never imports them."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]
BasisPoints = Annotated[int, Field(examples=[9962])]


class Money(BaseModel):
    """An amount in minor units of a currency."""

    amount_minor: int
    currency: str


class Members(BaseModel):
    """Members now, and how many came and went in the range."""

    value: int = Field(description="Joined and not left, now")
    new: int
    left: int


class Active(BaseModel):
    """Who did anything in the days up to the range's end."""

    value: int = Field(description="Members and customers with an order or an activity")
    days: int
    purchase_active: int = Field(description="Of them those who completed an order")


class Count(BaseModel):
    """A number of people."""

    value: int


class Sales(BaseModel):
    """Orders and amounts of the range."""

    orders: int
    buyers: int = Field(description="Members and customers; guests are none")
    gross: Money
    refunds: Money = Field(description="Given back in the range, for orders of whatever day")
    net: Money = Field(description="Gross less what was given back of these orders, whenever")
    average_order: Money
    orders_per_buyer_bp: BasisPoints
    repeat_share_bp: BasisPoints = Field(description="Buyers who had bought before, of all")


class Points(BaseModel):
    """Points of the range."""

    issued: int
    redeemed: int
    expired: int
    reversed: int
    outstanding: int = Field(description="At the range's end")
    purchase_share_bp: BasisPoints = Field(description="Issued for orders, of all issued")


class Kpis(BaseModel):
    """The figures of the home page."""

    members: Members
    active: Active
    tagged: Count
    followers: Count
    sales: Sales
    points: Points | None = Field(description="Null for a store: points belong to the program")


class Home(BaseModel):
    """The home page for a range of local days."""

    model_config = ConfigDict(
        populate_by_name=True,
        serialize_by_alias=True,
        json_schema_extra={
            "example": {
                "from": "2026-03-01",
                "to": "2026-03-05",
                "store": None,
                "as_of": "2026-03-05T07:00:00.000Z",
                "lag_seconds": 0,
                "compare": None,
                "kpis": {
                    "members": {"value": 1, "new": 1, "left": 0},
                    "active": {"value": 1, "days": 90, "purchase_active": 1},
                    "tagged": {"value": 0},
                    "followers": {"value": 0},
                    "sales": {
                        "orders": 3,
                        "buyers": 1,
                        "gross": {"amount_minor": 124960, "currency": "CNY"},
                        "refunds": {"amount_minor": 29980, "currency": "CNY"},
                        "net": {"amount_minor": 94980, "currency": "CNY"},
                        "average_order": {"amount_minor": 41653, "currency": "CNY"},
                        "orders_per_buyer_bp": 30000,
                        "repeat_share_bp": 10000,
                    },
                    "points": {
                        "issued": 1344,
                        "redeemed": 0,
                        "expired": 0,
                        "reversed": 300,
                        "outstanding": 1044,
                        "purchase_share_bp": 9962,
                    },
                },
            }
        },
    )

    start: date = Field(alias="from")
    end: date = Field(alias="to")
    store: str | None = Field(description="The one store that is counted; null: all you may see")
    as_of: Instant | None = Field(description="The greatest event time applied")
    lag_seconds: int = Field(description="How far behind the last batch was, at most")
    compare: None = Field(description="Of another range; none is compared yet")
    kpis: Kpis


class Joined(BaseModel):
    """When and where a member joined."""

    on: date
    store: str


class Bought(BaseModel):
    """What a subject's orders come to."""

    orders: int
    units: int
    first_at: Instant | None
    last_at: Instant | None
    gross: Money
    net: Money
    points: int


class Subject(BaseModel):
    """A member, or a customer without a member, as the facts show them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "subject_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
                "kind": "member",
                "customers": ["cus_2d2ualfm4scgnfo43yvkllbsdu"],
                "joined": {"on": "2026-03-01", "store": "sto_agojyzjeabykvaaaaaaaaaaaai"},
                "tier": "ordinary",
                "bought": {
                    "orders": 3,
                    "units": 5,
                    "first_at": "2026-03-01T02:00:00.000Z",
                    "last_at": "2026-03-04T10:30:00.000Z",
                    "gross": {"amount_minor": 124960, "currency": "CNY"},
                    "net": {"amount_minor": 94980, "currency": "CNY"},
                    "points": 1039,
                },
                "last_active_on": "2026-03-04",
            }
        }
    )

    subject_id: str
    kind: str
    customers: list[str]
    joined: Joined | None
    tier: str | None = Field(description="In force after everything that was told")
    bought: Bought
    last_active_on: date | None = Field(description="Last day with an order or activity")


class SubjectLine(BaseModel):
    """What a member's orders come to, and their tier."""

    member_id: str
    tier: str | None
    orders: int
    net: Money
    last_at: Instant | None


class Subjects(BaseModel):
    """Those who are known, by id."""

    items: list[SubjectLine]


class DayValue(BaseModel):
    """A figure of a local day."""

    day: date
    value: int


class Series(BaseModel):
    """A figure day by day."""

    model_config = ConfigDict(
        populate_by_name=True,
        serialize_by_alias=True,
        json_schema_extra={
            "example": {
                "metric": "orders",
                "from": "2026-03-01",
                "to": "2026-03-02",
                "as_of": "2026-03-02T07:00:00.000Z",
                "lag_seconds": 0,
                "total": 3,
                "days": [{"day": "2026-03-01", "value": 1}, {"day": "2026-03-02", "value": 2}],
            }
        },
    )

    metric: str
    start: date = Field(alias="from")
    end: date = Field(alias="to")
    as_of: Instant | None = Field(description="The greatest event time applied")
    lag_seconds: int = Field(description="How far behind the last batch was, at most")
    total: int
    days: list[DayValue] = Field(description="Each day of the range; money in minor units")


class Totals(BaseModel):
    """Figures over the whole program; those that other services hold too must agree."""

    members: int
    orders: int
    lines: int
    order_total_minor: int
    refunds: int
    refund_total_minor: int
    check_ins: int
    points_balance: int
    coupons: int
