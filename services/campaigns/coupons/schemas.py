"""HTTP models of coupons, with examples. The flow never imports them."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.campaigns.coupons.settings import CouponSettings
from shared.ids import BODY

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]
_COUPON: Final[JsonDict] = {
    "coupon_id": "cpn_uwsvdc3ya2fo3bjuwbmekq2kbu",
    "template_id": "cpt_agojyzjeabykvaaaaaaaaaaaaq",
    "campaign_id": "cmp_agojyzjeabykvaaaaaaaaaaaam",
    "name": "Welcome 10",
    "kind": "amount",
    "face_minor": 1000,
    "threshold_minor": 10000,
    "currency": "CNY",
    "member_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
    "customer_id": None,
    "channel": "new-member-gift",
    "source_kind": "member",
    "source_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
    "state": "issued",
    "valid_from": "2026-03-01T02:00:00.000Z",
    "valid_to": "2036-02-27T16:00:00.000Z",
    "order_id": None,
    "version": 1,
}
_LINE: Final[JsonDict] = {
    "no": 1,
    "move": "issued",
    "state": "issued",
    "at": "2026-03-01T02:00:00.000Z",
    "member_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
    "customer_id": None,
    "order_id": None,
    "reason": None,
    "note": None,
    "cause": "019ca71f-b900-829a-9b31-b34eec006fc8",
}


class CouponLine(BaseModel):
    """A coupon with what it is worth."""

    model_config = ConfigDict(json_schema_extra={"example": _COUPON})

    coupon_id: str
    template_id: str
    campaign_id: str
    name: str
    kind: str
    face_minor: int = Field(description="What it takes off, minor units")
    threshold_minor: int = Field(description="Goods that an order must have, minor units")
    currency: str
    member_id: str | None
    customer_id: str | None = Field(description="Of a holder who is no member")
    channel: str
    source_kind: str
    source_id: str
    state: str
    valid_from: Instant
    valid_to: Instant = Field(description="Exclusive")
    order_id: str | None = Field(description="That used it")
    version: int = Field(description="Number of lines of its history")


class CouponPage(BaseModel):
    """A page of coupons."""

    items: list[CouponLine]
    next_page_token: str | None


class HistoryEntry(BaseModel):
    """One move of a coupon."""

    model_config = ConfigDict(json_schema_extra={"example": _LINE})

    no: int
    move: str
    state: str = Field(description="After it")
    at: Instant
    member_id: str | None
    customer_id: str | None
    order_id: str | None
    reason: str | None
    note: str | None = Field(description="Staff's own words")
    cause: str = Field(description="Event, command or boundary that led to it")


class CouponAnswer(CouponLine):
    """A coupon with its history."""

    model_config = ConfigDict(json_schema_extra={"example": _COUPON | {"history": [_LINE]}})

    history: list[HistoryEntry]


class TemplateAnswer(BaseModel):
    """What coupons are made from."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "template_id": "cpt_agojyzjeabykvaaaaaaaaaaaaq",
                "campaign_id": "cmp_agojyzjeabykvaaaaaaaaaaaam",
                "place": 1,
                "coupon": {
                    "template": "Welcome 10",
                    "kind": "amount",
                    "face_minor": 1000,
                    "threshold_minor": 10000,
                    "validity": {"starts_after_days": 0, "lasts_days": 3650},
                    "per_member": 1,
                    "delivery": "claim",
                    "stock": None,
                    "on_full_refund": "return",
                    "min_days_after_return": 3,
                },
                "stock_left": None,
            }
        }
    )

    template_id: str
    campaign_id: str
    place: int = Field(description="1 to 3, within the campaign")
    coupon: CouponSettings
    stock_left: int | None = Field(description="null: any number")


class TemplatePage(BaseModel):
    """A page of templates."""

    items: list[TemplateAnswer]
    next_page_token: str | None


class IssueRequest(BaseModel):
    """A coupon for a member."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "template_id": "cpt_agojyzjeabykvaaaaaaaaaaaaq",
                "member_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
            }
        },
    )

    template_id: Annotated[str, Field(pattern=f"^cpt_{BODY}$")]
    member_id: Annotated[str, Field(pattern=f"^mem_{BODY}$")]


class RevokeRequest(BaseModel):
    """Why a coupon is taken back."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "given to the wrong member"}}
    )

    reason: str = Field(min_length=1, max_length=500)
