"""What of a buyer goes to members, in a box: who they are, as far as the shop told it plainly.

| told | kept |
|---|---|
| a phone that is valid | its E.164 form |
| an e-mail | its normal form |
| `138****1542`, `张**`, `$…$1$` | nothing: masked and encrypted values say nobody |
| a birthday that is no date | nothing |
| a street | nothing: no address is taken |
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Final

from services.gateway.connectors.forms import Buyer
from services.gateway.rules.identifying import Identified
from shared.days import Instant
from shared.events.storefront.contact import Contact, pack, place

Seal = Callable[[str, bytes], str]
"""What it is bound to, content -> box."""
_HIDDEN: Final = re.compile(r"[*$~]")


def contact_of(buyer: Buyer, who: Identified, at: Instant) -> Contact | None:
    """The buyer as told at an instant; None where nothing plain is told."""
    contact = Contact(
        told_at=at,
        name=_plain(buyer.name),
        phone=who.phone,
        email=who.email,
        birthday=_date(buyer.birthday),
        sex=buyer.sex,
        province=_plain(buyer.province),
        city=_plain(buyer.city),
        language=_plain(buyer.language),
    )
    return None if contact == Contact(told_at=at) else contact


def sealed(
    buyer: Buyer | None, who: Identified, program: str, at: Instant, seal: Seal
) -> str | None:
    """The box of a buyer; None for a guest, and where nothing plain is told."""
    if buyer is None or who.customer_id is None:
        return None
    contact = contact_of(buyer, who, at)
    return None if contact is None else seal(place(program, who.customer_id), pack(contact))


def _plain(text: str | None) -> str | None:
    return None if not text or _HIDDEN.search(text) else text.strip() or None


def _date(text: str | None) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        return None
