"""Who a buyer is: customer ids and keyed hashes. Nothing that identifies leaves in the clear.

| known | customer id is the keyed hash of |
|---|---|
| the shop's buyer id | kind `buyer`, the store, the id |
| a valid phone only | kind `phone`, the program, its E.164 form |
| an e-mail only | kind `email`, the program, its normal form |
| nothing | – : a guest |

Phones must be valid in the program's region; an invalid one is left out, not refused. Masked
(`138****1542`) and encrypted values are no phones, hence left out too.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

import phonenumbers
from msgspec import Struct

from services.gateway.connectors.forms import Buyer
from shared.events.storefront.parts import Identity
from shared.ids import from_hash, text_id

BlindIndexes = Callable[[str, str, str], Sequence[str]]
"""Program, kind, value -> keyed hashes: several while one key of them takes over from another."""
_LONGEST_LOCAL: Final = 64


class Identified(Struct, frozen=True):
    """Whom an event is about."""

    customer_id: str | None
    identities: list[Identity]
    phone: str | None = None
    """Normal form, for members alone."""
    email: str | None = None
    """Likewise."""

    def __repr__(self) -> str:
        return f"Identified({self.customer_id})"


def identify(
    buyer: Buyer | None,
    *,
    program: str,
    store: str,
    region: str,
    identity_key: bytes,
    blind_indexes: BlindIndexes,
) -> Identified:
    """Customer id and hashes of a buyer; no customer id for a guest."""
    if buyer is None:
        return Identified(None, [])
    phone = normal_phone(buyer.phone, region) if buyer.phone else None
    email = normal_email(buyer.email) if buyer.email else None
    identities = [
        Identity(
            kind=kind,  # type: ignore[arg-type]
            hash=hashed,
            verified=kind in buyer.verified,
        )
        for kind, value in (("phone", phone), ("email", email))
        if value is not None
        for hashed in blind_indexes(program, kind, value)
    ]
    customer = None
    if buyer.id:
        customer = customer_id(identity_key, "buyer", store, buyer.id)
    elif phone:
        customer = customer_id(identity_key, "phone", program, phone)
    elif email:
        customer = customer_id(identity_key, "email", program, email)
    return Identified(customer, identities, phone, email)


def customer_id(identity_key: bytes, kind: str, scope: str, value: str) -> str:
    """The id of a customer, the same for ever for the same buyer."""
    digest = hmac.digest(identity_key, f"{kind}\0{scope}\0{value}".encode(), hashlib.sha256)
    return text_id("cus", from_hash(digest))


def normal_phone(text: str, region: str) -> str | None:
    """E.164 of a phone that is valid; None for anything else.

    >>> normal_phone("138 0013 8000", "CN"), normal_phone("008613800138000", "CN")
    ('+8613800138000', '+8613800138000')
    >>> normal_phone("12345", "CN"), normal_phone("138****1542", "CN")
    (None, None)
    """
    if "*" in text or "$" in text:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_email(text: str) -> str | None:
    """NFKC, trimmed, casefolded, domain in its ASCII form; no dot or plus tricks. None if none.

    >>> normal_email(" Li@Example.COM ")
    'li@example.com'
    """
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    local, at, domain = plain.rpartition("@")
    if not at or not local or len(local) > _LONGEST_LOCAL or "*" in plain or " " in plain:
        return None
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        return None
    return f"{local}@{ascii_domain}" if "." in ascii_domain else None
