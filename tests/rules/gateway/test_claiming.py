"""Whom an ID token proves somebody to be, claim by claim."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.gateway.oidc.model import Claims, Proven, Provider
from services.gateway.oidc.rules.claiming import LEEWAY_SECONDS, judge, names
from services.gateway.staff.model import Grant
from shared.config import Config
from shared.errors import Misconfigured
from shared.outcome import Refused
from tests.builders.events import instant

NOW = instant("2026-03-01 10:00")
SECONDS = int(NOW.timestamp())
PROGRAM = "prg_agojyzjeabykvaaaaaaaaaaaay"


def configured(**more: Any) -> Provider:
    """A provider."""
    values = {
        "oidc_issuer": "https://login.example",
        "oidc_client_id": "shuke",
        "oidc_client_secret": "s",
        "oidc_domains": "Shop.example",
        "oidc_groups": f"bosses=owner,a=manager@{PROGRAM},a=analyst@{PROGRAM}",
    }
    found = Provider.of(Config(**(values | more)))
    assert found is not None
    return found


GOOD = Claims(
    iss="https://login.example",
    sub="1",
    aud="shuke",
    exp=SECONDS + 300,
    iat=SECONDS,
    nonce="n",
    email="Li@Shop.Example",
    email_verified=True,
    groups=["a", "strangers"],
)


def judged(**change: Any) -> Proven | Refused:
    """What becomes of good claims with a change."""
    return judge(replace(GOOD, **change), configured(), "n", NOW)


def test_a_good_word_proves_somebody_with_the_roles_of_their_groups() -> None:
    proven = judged()
    assert isinstance(proven, Proven)
    assert (proven.email, proven.name) == ("li@shop.example", "Li@Shop.Example")
    assert proven.grants == (Grant(PROGRAM, "analyst"), Grant(PROGRAM, "manager"))
    assert proven.vouched == "plain"


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["shuke"]},
        {"aud": "shuke", "azp": "shuke"},
        {"aud": ["shuke", "other"], "azp": "shuke"},
        {"exp": SECONDS - LEEWAY_SECONDS + 1},
        {"iat": SECONDS + LEEWAY_SECONDS},
    ],
)
def test_what_is_still_right_is_taken(change: dict[str, Any]) -> None:
    assert isinstance(judged(**change), Proven)


@pytest.mark.parametrize(
    ("claim", "change"),
    [
        ("iss", {"iss": "https://login.example/"}),
        ("iss", {"sub": ""}),
        ("aud", {"aud": []}),
        ("aud", {"aud": ["shuke", "other"]}),
        ("aud", {"aud": ["shuke"], "azp": "other"}),
        ("aud", {"aud": "other", "azp": "shuke"}),
        ("exp", {"exp": SECONDS - LEEWAY_SECONDS}),
        ("exp", {"iat": SECONDS + LEEWAY_SECONDS + 1}),
        ("nonce", {"nonce": None}),
        ("nonce", {"nonce": "N"}),
        ("email", {"email": None}),
        ("email", {"email": ""}),
        ("email", {"email_verified": None}),
        ("email", {"email_verified": "true"}),
        ("domain", {"email": "li@sub.shop.example"}),
        ("domain", {"email": "shop.example"}),
        ("domain", {"email": "@shop.example"}),
    ],
)
def test_what_is_wrong_is_named(claim: str, change: dict[str, Any]) -> None:
    refused = judged(**change)
    assert isinstance(refused, Refused)
    assert refused.detail == claim


def test_a_word_does_not_last() -> None:
    """Five minutes, and one in which clocks may differ."""
    end = NOW + timedelta(minutes=6)
    assert isinstance(judge(GOOD, configured(), "n", end - timedelta(seconds=1)), Proven)
    assert isinstance(judge(GOOD, configured(), "n", end), Refused)


def test_the_providers_second_factor_is_told_on() -> None:
    proven = judged(amr=["pwd", "mfa"])
    assert isinstance(proven, Proven)
    assert proven.vouched == "mfa"


def test_domains_are_compared_whole() -> None:
    assert names(frozenset({"shop.example"}), "li@SHOP.example")
    assert not names(frozenset({"shop.example"}), "li@notshop.example")
    assert not names(frozenset(), "li@shop.example")


@pytest.mark.parametrize("wrong", ["a", "=owner", "a=", "a=emperor", "a=owner,b"])
def test_groups_that_name_no_role_are_no_start(wrong: str) -> None:
    with pytest.raises(Misconfigured):
        configured(oidc_groups=wrong)
