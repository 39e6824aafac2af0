"""Which passwords are taken."""

import pytest

from services.gateway.staff.hashing import commonest
from services.gateway.staff.rules.passwords import judge

EMAIL = "li.wei@shop.example"


def refusal(password: str) -> str | None:
    """Why a password is refused."""
    refused = judge(password, EMAIL, commonest())
    return None if refused is None else refused.code


def test_ten_thousand_are_shipped_in_lower_case() -> None:
    assert len(commonest()) == 10_000
    assert {"123456", "password", "qwerty123456"} <= commonest()
    assert all(each == each.casefold() for each in commonest())


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("correct horse battery", None),
        ("熟客会员体系密码要足够长", None),
        ("7391-8826-0912-3345", None),
        ("elevenchars", "password-short"),
        ("", "password-short"),
        ("qwerty123456", "password-common"),
        ("QWERTY123456", "password-common"),
        ("Password2026!", "password-common"),
        ("dragon20261127", "password-common"),
        ("aaaaaaaaaaaaaa", "password-common"),
        (EMAIL, "password-common"),
        ("Li.Wei@Shop.Example2026", "password-common"),
        ("li.wei123456", "password-common"),
    ],
)
def test_what_somebody_would_try_first_is_not_taken(password: str, code: str | None) -> None:
    assert refusal(password) == code


def test_each_of_the_commonest_that_is_long_enough_is_refused() -> None:
    long_ones = [each for each in commonest() if len(each) >= 12]
    assert len(long_ones) > 50
    assert {refusal(each) for each in long_ones} == {"password-common"}


def test_what_is_refused_is_not_told() -> None:
    """A refusal may be shown or logged."""
    refused = judge("qwerty123456", EMAIL, commonest())
    assert refused is not None
    assert "qwerty" not in refused.detail
    assert EMAIL not in refused.detail
