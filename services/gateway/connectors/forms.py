"""The generic form: what a shop says, one event a body, in names of our own choice.

Shops of one's own send it; every other connector says its shop's dialect again in it. Unknown
fields are refused, because a typing error must not cost money.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, ValidationError

from shared.errors import FieldError

BULK_MOST: Final = 5_000
_MAX_MINOR: Final = 10**13


_Text64 = Annotated[str, Meta(max_length=64)]
_Text120 = Annotated[str, Meta(max_length=120)]
_Text128 = Annotated[str, Meta(min_length=1, max_length=128)]
_Text200 = Annotated[str, Meta(max_length=200)]
_Minor = Annotated[int, Meta(ge=0, le=_MAX_MINOR)]
_Codes = Annotated[list[_Text64], Meta(max_length=20)]


class _Base(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Buyer(_Base, frozen=True, kw_only=True):
    """Who bought or acted."""

    id: _Text128 | None = None
    phone: Annotated[str, Meta(max_length=40)] | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    verified: list[Literal["phone", "email"]] = []
    name: _Text120 | None = None
    birthday: Annotated[str, Meta(max_length=10)] | None = None
    sex: Literal["f", "m", "x"] | None = None
    province: _Text120 | None = None
    city: _Text120 | None = None
    language: _Text120 | None = None


class OrderLine(_Base, frozen=True, kw_only=True):
    """One line of an order; amounts are for the whole line, before discount."""

    line_id: Annotated[str, Meta(min_length=1, max_length=64)]
    sku: _Text64
    product_id: _Text64 | None = None
    brand: _Text64 | None = None
    title: str | None = None
    categories: Annotated[list[_Text64], Meta(max_length=10)] = []
    quantity: Annotated[int, Meta(ge=1, le=10**9)]
    list_minor: _Minor
    discount_minor: _Minor = 0
    tax_minor: _Minor = 0
    kind: Literal["goods", "fee", "gift-card", "adjustment"] = "goods"


class _Order(_Base, frozen=True, kw_only=True):
    version: Literal[1] = 1
    order_id: _Text128
    currency: str
    customer: Buyer | None = None
    placed_at: str
    paid_at: str
    lines: Annotated[list[OrderLine], Meta(max_length=2000)]
    tax_included: bool = False
    discount_minor: _Minor = 0
    shipping_minor: _Minor = 0
    shipping_tax_minor: _Minor = 0
    gift_card_minor: _Minor = 0
    points_paid_minor: _Minor = 0
    platform_discount_minor: _Minor = 0
    total_minor: _Minor
    coupon_codes: _Codes = []
    hold_ids: _Codes = []
    redemption_ids: _Codes = []
    campaign_codes: _Codes = []
    source_code: _Text64 | None = None


class OrderPaid(_Order, tag_field="type", tag="order.paid", frozen=True, kw_only=True):
    """An order was paid."""


class OrderCompleted(_Order, tag_field="type", tag="order.completed", frozen=True, kw_only=True):
    """Receipt was confirmed."""

    completed_at: str
    completed_by: Literal["confirmed", "policy", "counter"] = "confirmed"


class OrderCancelled(_Base, tag_field="type", tag="order.cancelled", frozen=True, kw_only=True):
    """An order was cancelled."""

    version: Literal[1] = 1
    order_id: _Text128
    customer: Buyer | None = None
    cancelled_at: str
    reason: _Text200 | None = None


class RefundLine(_Base, frozen=True, kw_only=True):
    """What is given back of one line."""

    line_id: Annotated[str, Meta(min_length=1, max_length=64)]
    sku: _Text64 = ""
    quantity: Annotated[int, Meta(ge=1, le=10**9)]
    net_minor: _Minor
    tax_minor: _Minor = 0


class Refund(_Base, tag_field="type", tag="refund", frozen=True, kw_only=True):
    """Money of an order was given back."""

    version: Literal[1] = 1
    refund_id: _Text128
    order_id: _Text128 | None = None
    currency: str
    customer: Buyer | None = None
    refunded_at: str
    lines: Annotated[list[RefundLine], Meta(max_length=2000)] = []
    amount_minor: _Minor = 0
    shipping_minor: _Minor = 0
    total_minor: _Minor
    scope: Literal["lines", "amount", "full"]
    deducted_for_points_minor: _Minor | None = None
    reason: _Text200 | None = None


class CheckIn(_Base, tag_field="type", tag="check-in", frozen=True, kw_only=True):
    """A customer checked in."""

    version: Literal[1] = 1
    customer: Buyer
    channel: Literal["shop", "centre", "counter"] = "shop"
    occurred_at: str


class Thing(_Base, frozen=True, kw_only=True):
    """What an action was done to."""

    kind: Literal["store", "product", "page"]
    id: _Text128 | None = None


class Activity(_Base, tag_field="type", tag="activity", frozen=True, kw_only=True):
    """A customer did something other than buying."""

    version: Literal[1] = 1
    id: _Text128 | None = None
    customer: Buyer
    action: Literal["review", "share", "favourite", "cart", "visit", "login", "enquiry"]
    object: Thing | None = None
    state: Literal["on", "off"] = "on"
    order_id: _Text128 | None = None
    line_id: _Text64 | None = None
    source_code: _Text64 | None = None
    occurred_at: str


class Join(_Base, frozen=True, kw_only=True):
    """The customer joined at the shop."""

    at: str
    terms: Annotated[str, Meta(max_length=16)] | None = None


class CustomerUpdated(_Base, tag_field="type", tag="customer.updated", frozen=True, kw_only=True):
    """What the shop knows of a customer changed."""

    version: Literal[1] = 1
    customer: Buyer
    updated_at: str
    join: Join | None = None


class _Bulk(_Base, frozen=True, kw_only=True):
    events: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=BULK_MOST)]


Sent = OrderPaid | OrderCompleted | OrderCancelled | Refund | CheckIn | Activity | CustomerUpdated
_READ: Final = msgspec.json.Decoder(Sent)
_NUL_ESCAPED: Final = rb"\u0000"
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of a character that no database keeps in a text."""
_READ_BULK: Final = msgspec.json.Decoder(_Bulk)


def read(raw: bytes) -> Sent:
    """The event of a body. Raises ValidationError as `explain` tells it."""
    sent: Sent = _READ.decode(raw)
    if _NUL_ESCAPED in raw and _NUL.search(raw):
        raise ValidationError("Text holds U+0000")
    return sent


def name_of(sent: Sent) -> str:
    """The name of an event's form, e.g. `order.paid`."""
    return str(type(sent).__struct_config__.tag)


def read_bulk(raw: bytes) -> Sequence[bytes]:
    """The events of a bulk body, unread. Raises ValidationError or DecodeError."""
    try:
        return [bytes(event) for event in _READ_BULK.decode(raw).events]
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def explain(error: ValidationError, raw: bytes) -> FieldError:
    """What is wrong with a body: pointer, stable code, words."""
    text, _, place = str(error).partition(" - at `$")
    pointer = _pointer(place.rstrip("`"))
    for pattern, code, words in _ERRORS:
        found = re.search(pattern, text)
        if found is None:
            continue
        if code in {"required", "unknown-field"}:
            pointer = f"{pointer}/{found[1]}"
        if pointer == "/type":
            return FieldError(pointer, "unknown-type", "is not one of the seven types")
        if pointer.endswith("/version"):
            return FieldError(pointer, "unknown-version", "must be 1")
        if not pointer and code == "type":
            return FieldError("", "malformed", "must be an object")
        try:
            value = _value(raw, pointer)
        except (msgspec.DecodeError, RecursionError) as broken:  # behind what was wrong first
            return FieldError("", "malformed", str(broken))
        return FieldError(pointer, code, words.format(*found.groups(), value=value))
    return FieldError(pointer, "invalid", text)


_ERRORS: Final = (
    (r"Expected `int` >= (-?\d+)", "minimum", "must be at least {0}, is {value}"),
    (r"Expected `int` <= (-?\d+)", "maximum", "must be at most {0}, is {value}"),
    (r"Integer value out of range", "maximum", "is too large"),
    (r"missing required field `([^`]+)`", "required", "is required"),
    (r"contains unknown field `([^`]+)`", "unknown-field", "is unknown"),
    (r"Expected `\w+` of length <= (\d+)", "too-long", "must not be longer than {0}"),
    (r"Expected `\w+` of length >= (\d+)", "too-short", "must be at least {0} long"),
    (r"Expected `\w+` of length (.+)", "length", "must have {0} items"),
    (r"Text holds U\+0000", "pattern", "must not hold the character U+0000"),
    (r"Invalid enum value", "not-allowed", "has a value that is not allowed: {value}"),
    (r"Invalid value", "not-allowed", "has a value that is not allowed: {value}"),
    (r"Expected `([^`]+)`, got `([^`]+)`", "type", "must be {0}, is {1}"),
)


def _pointer(place: str) -> str:
    """JSON pointer of msgspec's path, e.g. `.lines[0].list_minor`."""
    return "".join(f"/{name or number}" for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", place))


def _value(raw: bytes, pointer: str) -> object:
    found: Any = msgspec.json.decode(raw)
    for part in pointer.split("/")[1:]:
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict):
            found = found.get(part)
        else:
            return None
    return found if isinstance(found, int | float | bool) else str(found)[:40]
