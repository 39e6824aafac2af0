"""HTTP models of the module on a shop's page."""

from typing import Literal

from pydantic import BaseModel, Field


class ModuleCoupon(BaseModel):
    """A coupon that whoever joins gets."""

    name: str
    face_minor: int
    threshold_minor: int


class ModuleGift(BaseModel):
    """What whoever joins gets now."""

    name: str
    coupons: list[ModuleCoupon]


class ModuleShown(BaseModel):
    """What the module shows to who looks at a shop's page."""

    visible: bool = Field(description="false: nothing at all is shown")
    state: Literal["guest", "eligible", "member"]
    mode: Literal["smart", "custom"]
    text: str | None = Field(description="The shop's own words, for who may join")
    background: str | None = Field(description="mist, dawn, pine, dusk, or the path of a picture")
    tier: str | None
    points: int | None
    gift: ModuleGift | None
    currency: str
    href: str | None = Field(description="Path of the page behind it")
