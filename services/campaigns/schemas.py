"""HTTP models of campaigns, with examples. The flow never imports them."""

from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic.config import JsonDict

from services.campaigns.settings import Body

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]
_BODY: Final[JsonDict] = {
    "kind": "new-member-gift",
    "name": "Welcome",
    "coupons": [
        {
            "template": "Welcome 10",
            "kind": "amount",
            "face_minor": 1000,
            "threshold_minor": 10000,
            "validity": {"starts_after_days": 0, "lasts_days": 3650},
            "per_member": 1,
            "delivery": "claim",
            "stock": None,
        }
    ],
}
_LINE: Final[JsonDict] = {
    "campaign_id": "cmp_agojyzjeabykvaaaaaaaaaaaam",
    "kind": "new-member-gift",
    "name": "Welcome",
    "state": "confirmed",
    "phase": "running",
    "starts_at": "2026-03-01T00:00:00.000Z",
    "ends_at": "2027-03-01T00:00:00.000Z",
    "version": 1,
}
_MOVE: Final[JsonDict] = {
    "state": "confirmed",
    "at": "2026-02-20T09:00:00.000Z",
    "author": "key_agojyzjeabykvaaaaaaaaaaaau",
    "reason": None,
}


class CampaignRequest(BaseModel):
    """A draft: what is promised, and for which time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "starts_at": "2026-03-01T00:00:00Z",
                "ends_at": "2027-03-01T00:00:00Z",
                "campaign": _BODY,
            }
        },
    )

    starts_at: AwareDatetime
    ends_at: AwareDatetime = Field(description="Exclusive")
    campaign: Body

    @field_validator("ends_at")
    @classmethod
    def _after_start(cls, value: AwareDatetime, info: ValidationInfo) -> AwareDatetime:
        if "starts_at" in info.data and value <= info.data["starts_at"]:
            raise ValueError("must be after starts_at")
        return value


class StopRequest(BaseModel):
    """Why a campaign ends early."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "sold out earlier than planned"}}
    )

    reason: str = Field(min_length=1, max_length=500)


class CampaignLine(BaseModel):
    """A campaign in a list."""

    model_config = ConfigDict(json_schema_extra={"example": _LINE})

    campaign_id: str
    kind: str
    name: str
    state: str = Field(description="draft, confirmed, paused, ended, discarded")
    phase: str | None = Field(description="not-started, running, ended; of a confirmed one")
    starts_at: Instant
    ends_at: Instant = Field(description="Exclusive")
    version: int = Field(description="Number of bodies that were saved")


class CampaignPage(BaseModel):
    """A page of campaigns."""

    items: list[CampaignLine]
    next_page_token: str | None


class MoveEntry(BaseModel):
    """What was done to a campaign."""

    model_config = ConfigDict(json_schema_extra={"example": _MOVE})

    state: str = Field(description="After it")
    at: Instant
    author: str
    reason: str | None


class CampaignAnswer(CampaignLine):
    """A campaign with its newest body, its templates and what was done to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": _LINE
            | {
                "campaign": _BODY,
                "template_ids": ["cpt_agojyzjeabykvaaaaaaaaaaaaq"],
                "moves": [_MOVE],
            }
        }
    )

    campaign: dict[str, Any]
    template_ids: list[str] = Field(description="Made by the confirmation, one per coupon")
    moves: list[MoveEntry]


class GiftCoupon(BaseModel):
    """A coupon that whoever joins gets."""

    name: str
    face_minor: int
    threshold_minor: int


class Gift(BaseModel):
    """What whoever joins gets."""

    campaign_id: str
    name: str
    coupons: list[GiftCoupon] = Field(description="Those of which there are some left")


class Giving(BaseModel):
    """The gift of new members."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "gift": {
                    "campaign_id": "cmp_agojyzjeabykvaaaaaaaaaaaam",
                    "name": "Welcome",
                    "coupons": [
                        {"name": "Welcome 10", "face_minor": 1000, "threshold_minor": 10000}
                    ],
                }
            }
        }
    )

    gift: Gift | None = Field(description="null: whoever joins now gets nothing")


class Totals(BaseModel):
    """Figures over the whole program, which other services must agree with."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"members": 1, "orders": 3, "coupons": 1}}
    )

    members: int
    orders: int = Field(description="Completed")
    coupons: int = Field(description="Not revoked")
