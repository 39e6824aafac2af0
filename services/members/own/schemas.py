"""HTTP models of what is a shopper's own, with examples."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.members.consent.model import Purpose, State
from services.members.personal.schemas import Profile, TextVersion
from services.members.schemas import (
    CurrentTier,
    Hash,
    Instant,
    Metric,
    Missing,
    OlderHashes,
    StoreId,
    Terms,
)

_HASH = "v1.x5nYmHlL0GvXyqRr2m0yqkYd7cZ2QZ5V7lPjzqkq3mE"


class Rung(BaseModel):
    """A tier of a ladder, as members see it."""

    tier: str
    rank: int
    name: dict[str, str] | None = Field(description="By language: zh, en")
    pay_bp: int = Field(description="Share of the price that its members pay; 9000 is 9折")
    match: Literal["any", "all"] = Field(description="Whether it asks for amount or count, or both")


class OwnTiers(BaseModel):
    """Where a member stands on a ladder, and what the next tier asks for yet."""

    ladder: str
    primary: bool
    current: CurrentTier
    rungs: list[Rung] = Field(description="Tiers that may be had, and the member's own")
    metric: Metric
    next_tier: str | None
    missing_for_next: Missing | None


class Card(BaseModel):
    """A member's card."""

    member_id: str
    status: str
    effective_from: Instant
    terms: Terms
    profile: Profile = Profile()
    tiers: list[OwnTiers]


class Identify(BaseModel):
    """What is known of who came besides their customer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"phone": _HASH}})

    phone: Hash | None = Field(default=None, description="Keyed hash of a phone they have proven")
    older: OlderHashes = []


class Membership(BaseModel):
    """The member that somebody is, and the customer that links them."""

    member_id: str
    customer_id: str
    store_id: str | None


class Identified(BaseModel):
    """Who came; no member where they are none."""

    member: Membership | None


class ProvenIdentity(BaseModel):
    """A keyed hash of what was proven to the gateway."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["phone"]
    hash: Hash
    verified: Literal[True]


class OwnApplication(BaseModel):
    """A wish to join, with the terms that were accepted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "route": "open",
                "store_id": "sto_agojyzjeabykvaaaaaaaaaaaai",
                "terms": "1",
                "identities": [{"kind": "phone", "hash": _HASH, "verified": True}],
            }
        },
    )

    route: Literal["open"]
    store_id: StoreId
    terms: Annotated[str, Field(min_length=1, max_length=16)]
    identities: list[ProvenIdentity] = Field(
        default=[], max_length=8, description="Of one phone, under each key that there is"
    )


class OwnErasure(BaseModel):
    """A wish to be forgotten, and the phone that was proven for it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"reason": "asked by the member", "phone": _HASH}},
    )

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
    phone: Hash
    older: OlderHashes = []


class OwnConsents(BaseModel):
    """What the member agrees to, or takes back, by purpose."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"consents": {"marketing-sms": "withdrawn"}, "text_version": "3"}
        },
    )

    consents: dict[Purpose, State] = Field(min_length=1, max_length=20)
    text_version: TextVersion | None = Field(default=None, description="Of the text shown")
