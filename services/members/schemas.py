"""HTTP models of members, with examples. The flow never imports them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.members.personal.schemas import Profile
from shared.ids import BODY

CustomerId = Annotated[str, Field(pattern=f"^cus_{BODY}$")]
MemberId = Annotated[str, Field(pattern=f"^mem_{BODY}$")]
StoreId = Annotated[str, Field(pattern=f"^sto_{BODY}$")]
Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]


class Terms(BaseModel):
    """Whether the terms are accepted."""

    state: str


class LinkedCustomer(BaseModel):
    """A customer that belongs to the member."""

    customer_id: str
    store_id: str | None
    method: str
    qualifies_from: Instant
    earns_from: Instant
    revision: int


class Cause(BaseModel):
    """Why a segment begins."""

    kind: str
    id: str | None = None


class Segment(BaseModel):
    """From an instant on a tier is in force."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    start: Instant = Field(alias="from")
    tier: str
    rank: int
    pay_bp: int
    phase: str
    cause: Cause
    version: int


class CurrentTier(BaseModel):
    """The tier that the timeline ends with."""

    tier: str
    rank: int
    since: Instant
    pay_bp: int


class Metric(BaseModel):
    """What counts for tiers."""

    amount_minor: int
    orders: int


class Missing(BaseModel):
    """What the next tier still asks for; either of them suffices unless the ladder wants both."""

    amount_minor: int | None = None
    orders: int | None = None


class Tiers(BaseModel):
    """A member's tiers on one ladder."""

    ladder: str
    primary: bool
    revision: int
    current: CurrentTier
    metric: Metric
    next_tier: str | None
    missing_for_next: Missing | None
    segments: list[Segment]


class TierName(BaseModel):
    """A tier, as it is called."""

    code: str
    on: bool = Field(description="Whether it is entered; who is in it keeps it")
    name: dict[str, str] | None = Field(examples=[{"zh": "金卡会员", "en": "Gold"}])


class TierNames(BaseModel):
    """Tiers by rank, the base first."""

    items: list[TierName]


class MemberAnswer(BaseModel):
    """A member with linked customers and tiers."""

    member_id: str
    status: str
    route: str
    joined_store: str
    home_store: str | None = Field(description="The branch that looks after them")
    effective_from: Instant
    terms: Terms
    profile: Profile = Profile()
    customers: list[LinkedCustomer]
    tiers: list[Tiers]


class CustomerAnswer(BaseModel):
    """A customer, and the member that they are if they are one."""

    customer_id: str
    store_id: str | None
    first_seen: Instant | None
    last_seen: Instant | None
    profile: Profile = Profile()
    member: MemberAnswer | None


class MemberLine(BaseModel):
    """A member in a list."""

    member_id: str
    status: str
    route: str
    joined_store: str
    home_store: str | None = Field(description="The branch that looks after them")
    effective_from: Instant
    profile: Profile = Profile()


class MemberPage(BaseModel):
    """A page of members."""

    items: list[MemberLine]
    next_page_token: str | None


Hash = Annotated[str, Field(min_length=10, max_length=64, pattern=r"^v[1-9]\d*\.[A-Za-z0-9_-]+$")]
OlderHashes = Annotated[
    list[Hash],
    Field(max_length=7, description="Of the same under older keys, while one key takes over"),
]


class Wanted(BaseModel):
    """Whom somebody looks for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "kind": "phone",
                "hash": "v1.x5nYmHlL0GvXyqRr2m0yqkYd7cZ2QZ5V7lPjzqkq3mE",
            }
        },
    )

    kind: Literal["phone", "email"]
    hash: Hash
    older: OlderHashes = []


class FoundMember(BaseModel):
    """A member who was found."""

    member_id: str
    status: str


class FoundMembers(BaseModel):
    """Who was found; usually one."""

    items: list[FoundMember]


class CounterCard(BaseModel):
    """What a counter may know of a member of any branch."""

    member_id: str
    status: str
    name: str | None = Field(description="Masked; absent where none is known or it is hidden")
    tiers: dict[str, str] = Field(
        description="By ladder, the tier of now", examples=[{"main": "gold"}]
    )


class CounterCards(BaseModel):
    """Who was found; usually one."""

    items: list[CounterCard]


class Application(BaseModel):
    """A wish to join."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "route": "open",
                "customer_id": "cus_2d2ualfm4scgnfo43yvkllbsdu",
                "store_id": "sto_agojyzjeabykvaaaaaaaaaaaai",
            }
        },
    )

    route: Literal["open"]
    customer_id: CustomerId
    store_id: StoreId


class ApplicationAnswer(BaseModel):
    """What became of it."""

    application_id: str
    state: str
    member_id: str


class LinkRequest(BaseModel):
    """Whose a customer is, and from when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "member_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
                "reason": "the same person, shown by the receipt",
            }
        },
    )

    member_id: MemberId
    reason: str = Field(min_length=1, max_length=500)
    qualifies_from: AwareDatetime | None = Field(
        default=None, description="Orders from here on count for tiers; default: the joining"
    )
    earns_from: AwareDatetime | None = Field(
        default=None, description="Orders from here on earn; default: the joining"
    )


class UnlinkRequest(BaseModel):
    """Why a link ends."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)


class HomeBranchRequest(BaseModel):
    """Which branch looks after a member, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "store_id": "sto_agojyzjeabykvaaaaaaaaaaaai",
                "reason": "moved to the other end of the town",
            }
        },
    )

    store_id: StoreId | None = Field(description="Nothing: no branch does")
    reason: str = Field(min_length=1, max_length=500)


class HomeBranchAnswer(BaseModel):
    """The branch after the change."""

    member_id: str
    home_store: str | None


class LinkAnswer(BaseModel):
    """The link after the change."""

    customer_id: str
    member_id: str
    revision: int


class Totals(BaseModel):
    """Figures over the whole program; what other services hold too must agree."""

    customers: int
    members: int
    orders: int
    refunds: int
    tiers: dict[str, int]
    """Members by the tier of the primary ladder that they are in now; 0 for an empty one."""
    tier_changes: int
    """Changes of tier after each member's first, primary ladder."""
