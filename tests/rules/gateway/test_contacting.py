"""What of a buyer goes to members, and that nothing of it is seen outside its box."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from services.gateway.connectors import forms
from services.gateway.rules.normalising import normalise
from shared.boxes import Opener
from shared.days import Instant
from shared.events import codec
from shared.events.storefront.contact import Contact, place, unpack
from shared.sealing import KeyRing
from tests.builders.programs import PROGRAM
from tests.rules.gateway.heard import NOW, a_shop

AT = "2026-03-01T10:00:00.000Z"
NAMED = forms.Buyer(
    id="u-1001",
    name=" 张三丰 ",
    phone="138 0013 8000",
    email="Li@Example.com",
    birthday="1990-05-12",
    sex="f",
    city="杭州",
)


def told(buyer: forms.Buyer) -> Contact | None:
    """What is in the box of an update."""
    sent = forms.CustomerUpdated(customer=buyer, updated_at=AT)
    event = normalise(a_shop(NOW), sent)
    if event.sealedcontact is None:
        return None
    head = place(PROGRAM, event.key) + "|"
    assert event.sealedcontact.startswith(head)
    return unpack(event.sealedcontact.removeprefix(head).encode())


def test_a_buyer_is_told_in_normal_forms() -> None:
    assert told(NAMED) == Contact(
        told_at=Instant.parse(AT),
        name="张三丰",
        phone="+8613800138000",
        email="li@example.com",
        birthday="1990-05-12",
        sex="f",
        city="杭州",
    )


@pytest.mark.parametrize(
    "hidden",
    [
        {"name": "张**"},
        {"name": "$aXk=$1$"},
        {"phone": "138****1542"},
        {"phone": "12345"},
        {"birthday": "05-12"},
        {"email": "l***@example.com"},
        {"city": "~杭~"},
        {},
    ],
)
def test_what_is_masked_or_malformed_is_not_told(hidden: dict[str, Any]) -> None:
    assert told(forms.Buyer(id="u-1001", **hidden)) is None


def test_what_crosses_the_log_opens_with_the_private_half_alone(tmp_path: Path) -> None:
    keys = KeyRing.create(tmp_path / "keys")
    shop = a_shop(NOW)
    shop = type(shop)(shop.connection, shop.blind_indexes, shop.now, keys.seal_contact)
    event = normalise(shop, forms.CustomerUpdated(customer=NAMED, updated_at=AT))
    encoded = codec.encode("gateway", event)
    for canary in ("13800138000", "example.com", "张三丰", "1990-05-12", "杭州"):
        assert canary.encode() not in encoded.value
    read = codec.decode(encoded.value, NOW)
    assert read is not None
    assert read.sealedcontact is not None
    opened = unpack(Opener(keys.folder).open(place(PROGRAM, event.key), read.sealedcontact))
    assert opened.phone == "+8613800138000"
    with pytest.raises(ValueError, match="does not open"):
        Opener(keys.folder).open(place(PROGRAM, "cus_other"), read.sealedcontact)


def test_a_box_sealed_anew_is_the_same_event(tmp_path: Path) -> None:
    """Sealing is random; id and digest are not, so a repeat is a repeat."""
    keys = KeyRing.create(tmp_path / "keys")
    shop = a_shop(NOW)
    shop = type(shop)(shop.connection, shop.blind_indexes, shop.now, keys.seal_contact)
    sent = forms.CustomerUpdated(customer=NAMED, updated_at=AT)
    first, second = (codec.encode("gateway", normalise(shop, sent)) for _ in range(2))
    assert first.value != second.value
    assert (first.id, first.digest) == (second.id, second.digest)


def test_nobody_finds_a_phone_by_the_id_of_its_event() -> None:
    """The cause is hashed under the program's key: all phones tried do not give it."""
    sent = forms.CustomerUpdated(customer=forms.Buyer(phone="13800138000"), updated_at=AT)
    mine = normalise(a_shop(NOW), sent)
    other = normalise(a_shop(NOW, identity_key=b"j" * 32), sent)
    plain = hashlib.sha256(b"13800138000").hexdigest()
    assert mine.cause.id.partition("/")[2] != other.cause.id.partition("/")[2]
    assert plain not in mine.cause.id
