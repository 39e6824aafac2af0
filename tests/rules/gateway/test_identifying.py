"""Who a buyer is, without anything that identifies leaving in the clear."""

from itertools import pairwise

import pytest

from services.gateway.connectors.forms import Buyer
from services.gateway.rules.identifying import Identified, identify, normal_email, normal_phone
from shared.sealing import blind_index
from tests.builders.programs import PROGRAM
from tests.builders.storefront import STORE

KEY, ROOT = b"i" * 32, b"r" * 32


def identified(buyer: Buyer | None, store: str = STORE, program: str = PROGRAM) -> Identified:
    """Whom an event is about."""
    return identify(
        buyer,
        program=program,
        store=store,
        region="CN",
        identity_key=KEY,
        blind_indexes=lambda *parts: [blind_index(ROOT, *parts)],
    )


@pytest.mark.parametrize(
    "texts",
    [
        ["138 0013 8000", "+86-13800138000", "008613800138000", "13800138000"],
        ["+44 20 7946 0018", "0044 2079460018"],
    ],
)
def test_writings_of_one_phone_are_one(texts: list[str]) -> None:
    assert len({normal_phone(text, "CN") for text in texts} - {None}) == 1


@pytest.mark.parametrize("text", ["12345", "138****1542", "$1$abc$", "", "phone", "+86 1"])
def test_what_is_no_phone_is_left_out(text: str) -> None:
    assert normal_phone(text, "CN") is None


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Li@Example.COM ", "li@example.com"),
        ("ｌｉ@example.com", "li@example.com"),
        ("li+shop@example.com", "li+shop@example.com"),
        ("l.i@example.com", "l.i@example.com"),
        ("li@bücher.example", "li@xn--bcher-kva.example"),
        ("li@localhost", None),
        ("li", None),
        ("@example.com", None),
        ("l***i@example.com", None),
        ("l i@example.com", None),
        ("x" * 65 + "@example.com", None),
        ("li@.example.com", None),
    ],
)
def test_the_normal_form_of_an_e_mail(text: str, normal: str | None) -> None:
    assert normal_email(text) == normal


BY_ID = Buyer(id="u-1", phone="13800138000", email="li@example.com", verified=["phone"])
BY_PHONE = Buyer(phone="13800138000", email="li@example.com")
BY_MAIL = Buyer(phone="12345", email="li@example.com")


def test_the_shops_id_comes_before_the_phone_and_that_before_the_e_mail() -> None:
    ids = [identified(each).customer_id for each in (BY_ID, BY_PHONE, BY_MAIL)]
    assert all(ids)
    for one, other in pairwise(ids):
        assert one != other
    assert identified(Buyer(id="u-1")).customer_id == ids[0]
    assert identified(Buyer(phone="+86 138 0013 8000")).customer_id == ids[1]


def test_the_shops_id_is_of_its_store_a_phone_of_the_program() -> None:
    other = STORE[:-1] + "q"
    assert identified(BY_ID, other).customer_id != identified(BY_ID).customer_id
    assert identified(BY_PHONE, other).customer_id == identified(BY_PHONE).customer_id
    elsewhere = PROGRAM[:-1] + "q"
    assert identified(BY_PHONE, program=elsewhere).customer_id != identified(BY_PHONE).customer_id


def test_while_a_key_takes_over_each_is_told_under_both_and_ids_stay() -> None:
    def under(*numbers: int) -> Identified:
        return identify(
            BY_PHONE,
            program=PROGRAM,
            store=STORE,
            region="CN",
            identity_key=KEY,
            blind_indexes=lambda program, kind, value: [
                blind_index(bytes([number]) * 32, program, kind, value, number)
                for number in numbers
            ],
        )

    both, old, new = under(2, 1), under(1), under(2)
    told = [(each.kind, each.hash.partition(".")[0]) for each in both.identities]
    assert told == [("phone", "v2"), ("phone", "v1"), ("email", "v2"), ("email", "v1")]
    assert {each.hash for each in both.identities} == {
        each.hash for one in (old, new) for each in one.identities
    }
    assert both.customer_id == old.customer_id == new.customer_id


@pytest.mark.parametrize("buyer", [None, Buyer(), Buyer(phone="138****1542"), Buyer(name="Li")])
def test_of_whom_nothing_is_known_is_a_guest(buyer: Buyer | None) -> None:
    assert identified(buyer) == Identified(None, [])


def test_hashes_say_what_the_shop_vouches_for_and_nothing_in_the_clear() -> None:
    found = identified(BY_ID).identities
    assert [(each.kind, each.verified) for each in found] == [("phone", True), ("email", False)]
    assert "13800138000" not in repr(identified(BY_ID))
    assert "example" not in repr(identified(BY_ID))
