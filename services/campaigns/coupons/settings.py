"""What a merchant may set of a coupon: worth, validity, limits, what a refund does to it."""

from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from shared.settings.versions import Settings

RELATIVE: Final = "relative"
ABSOLUTE: Final = "absolute"
LONGEST_DAYS: Final = 3650
HIGHEST_MINOR: Final = 10**9


class RelativeValidity(Settings):
    """Usable some days after it was given, for some days; the last one ends at 24:00 local."""

    starts_after_days: int = Field(
        default=0, ge=0, le=365, description="Days until it may be used; 0: at once"
    )
    lasts_days: int = Field(
        ge=1, le=LONGEST_DAYS, description="Days from the first on, each to 24:00 local"
    )


class AbsoluteValidity(Settings):
    """Usable on certain local dates, the last one included: it ends at 24:00."""

    from_date: date = Field(description="First local date")
    to_date: date = Field(description="Last local date, to 24:00")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to_date < self.from_date:
            raise ValueError("to_date must not be before from_date")
        return self


def _form(value: Any) -> str:  # noqa: ANN401 - whatever the caller sent
    if isinstance(value, AbsoluteValidity):
        return ABSOLUTE
    dated = isinstance(value, dict) and not value.keys().isdisjoint({"from_date", "to_date"})
    return ABSOLUTE if dated else RELATIVE


Validity = Annotated[
    Annotated[RelativeValidity, Tag(RELATIVE)] | Annotated[AbsoluteValidity, Tag(ABSOLUTE)],
    Discriminator(_form),
]


class CouponSettings(Settings):
    """A kind of coupon (capability 5.1)."""

    template: str = Field(min_length=1, max_length=60, description="Name of the template")
    kind: Literal["amount"] = Field(description="`amount`: takes a sum off the order")
    face_minor: int = Field(
        ge=1, le=HIGHEST_MINOR, description="What it takes off, minor units of the currency"
    )
    threshold_minor: int = Field(
        default=0, ge=0, le=HIGHEST_MINOR, description="Goods that an order must have; 0: any"
    )
    validity: Validity
    per_member: int | None = Field(
        default=1, ge=1, le=10**6, description="So many at most for one holder; null: any number"
    )
    delivery: Literal["claim"] = Field(
        default="claim", description="`claim`: each coupon belongs to one holder"
    )
    stock: int | None = Field(
        default=None, ge=1, le=HIGHEST_MINOR, description="So many in all; null: any number"
    )
    on_full_refund: Literal["return", "keep"] = Field(
        default="return", description="What a full refund of the order that used it does"
    )
    min_days_after_return: int = Field(
        default=3, ge=0, le=30, description="A coupon given back is good for so many days at least"
    )
