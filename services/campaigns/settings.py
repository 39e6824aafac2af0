"""What a merchant may set of a campaign: one body per kind. Fixed by the confirmation."""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError, WrapValidator
from pydantic_core import InitErrorDetails

from services.campaigns.coupons.settings import ABSOLUTE, RELATIVE, CouponSettings
from shared.settings.versions import Settings

Bundle = Annotated[tuple[CouponSettings, ...], Field(min_length=1, max_length=3)]
"""1 to 3 coupons, given together."""
Name = Annotated[str, Field(min_length=1, max_length=60, description="What staff call it")]


class NewMemberGift(Settings):
    """新会员礼包: coupons for joining, once per member (capability row 66)."""

    kind: Literal["new-member-gift"]
    name: Name
    coupons: Bundle


class OrderCoupon(Settings):
    """满就送券: coupons for a completed order of some amount (capability rows 85, 86)."""

    kind: Literal["order-coupon"]
    name: Name
    coupons: Bundle
    threshold_minor: int = Field(
        ge=0, le=10**13, description="Goods of the order, net of refunds, must reach this"
    )
    audience: Literal["all-buyers"] = Field(
        default="all-buyers", description="Everybody who buys, members or not"
    )


NEW_MEMBER_GIFT: Final = "new-member-gift"
ORDER_COUPON: Final = "order-coupon"
_TAGS: Final = frozenset({NEW_MEMBER_GIFT, ORDER_COUPON, RELATIVE, ABSOLUTE})


def _untagged(value: Any, handler: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - any input
    """Errors that point to fields alone, without the names of the forms that they were read as."""
    try:
        return handler(value)
    except ValidationError as error:
        raise ValidationError.from_exception_data(
            error.title, [_pointed(each) for each in error.errors()]
        ) from None


def _pointed(error: Any) -> InitErrorDetails:  # noqa: ANN401 - Pydantic's details
    return InitErrorDetails(
        type=error["type"],
        loc=tuple(part for part in error["loc"] if part not in _TAGS),
        input=error["input"],
        ctx=error.get("ctx", {}),
    )


Body = Annotated[NewMemberGift | OrderCoupon, Field(discriminator="kind"), WrapValidator(_untagged)]
"""The body of a campaign of any kind."""
_BODY: Final[TypeAdapter[NewMemberGift | OrderCoupon]] = TypeAdapter(Body)


@lru_cache(maxsize=4096)
def decode_body(text: str) -> NewMemberGift | OrderCoupon:
    """A body as it is stored. Versions never change, so each is read once."""
    return _BODY.validate_json(text)


def read_body(value: object) -> NewMemberGift | OrderCoupon:
    """A body from plain values. Raises pydantic's ValidationError."""
    return _BODY.validate_python(value)


def encode_body(body: NewMemberGift | OrderCoupon) -> str:
    """A body as it is stored."""
    return body.model_dump_json()
