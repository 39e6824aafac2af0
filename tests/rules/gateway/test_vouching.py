"""What makes a shop's word for its buyer good."""

from datetime import timedelta
from typing import Any

import pytest

from services.gateway.model import Refusal, Secret
from services.gateway.shoppers.rules.vouching import issuer, vouched
from tests.builders.events import instant
from tests.builders.shoppers import CONNECTION, SECRET, a_token

NOW = instant("2026-03-01 10:00")
PROGRAM = "prg_agojyzjeabykvaaaaaaaaaaaae"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
KNOWN = Secret("sec_caireeyuculbogazdinryhi6d4", SECRET, NOW - MINUTE, None)


def refusal(token: str, now: Any = NOW, *secrets: Secret) -> str:
    """Why a token is not taken."""
    with pytest.raises(Refusal) as caught:
        vouched(token, secrets or (KNOWN,), PROGRAM, now)
    return caught.value.reason


def test_a_token_says_which_buyer_came_of_which_connection() -> None:
    token = a_token(PROGRAM, NOW)
    assert issuer(token) == CONNECTION
    word = vouched(token, (KNOWN,), PROGRAM, NOW)
    assert (word.buyer_id, word.token_id) == ("B-1", "token-0001")
    assert word.secret_id == KNOWN.text_id
    assert "B-1" not in repr(word)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "prg_agojyzjeabykvaaaaaaaaaaaay"}, "another-audience"),
        ({"life": 601}, "lives-too-long"),
        ({"ago": 631}, "expired"),
        ({"ago": -31}, "not-yet"),
        ({"sub": ""}, "malformed"),
        ({"sub": "B" * 129}, "malformed"),
        ({"jti": "short"}, "malformed"),
        ({"alg": "none"}, "signature-wrong"),
        ({"alg": "HS512"}, "signature-wrong"),
        ({"secret": "another" * 8}, "signature-wrong"),
    ],
)
def test_a_token_is_refused_for_each_thing_that_is_wrong(
    claims: dict[str, Any], reason: str
) -> None:
    assert refusal(a_token(PROGRAM, NOW, **claims)) == reason


@pytest.mark.parametrize("ago", [-30, 0, 600, 629])
def test_clocks_may_differ_by_half_a_minute(ago: int) -> None:
    assert vouched(a_token(PROGRAM, NOW, ago=ago), (KNOWN,), PROGRAM, NOW).buyer_id == "B-1"


def test_any_active_secret_signs_and_one_that_has_ended_does_not() -> None:
    other = Secret("sec_agojyzjeabykvaaaaaaaaaaaay", "another" * 8, NOW - MINUTE, None)
    token = a_token(PROGRAM, NOW)
    assert vouched(token, (other, KNOWN), PROGRAM, NOW).secret_id == KNOWN.text_id
    ended = Secret(KNOWN.text_id, SECRET, NOW - MINUTE, NOW)
    assert refusal(token, NOW, ended) == "signature-wrong"


@pytest.mark.parametrize("flipped", range(0, 240, 7))
def test_a_token_with_a_character_changed_is_refused(flipped: int) -> None:
    token = a_token(PROGRAM, NOW)
    place = flipped % len(token)
    other = "A" if token[place] != "A" else "B"
    assert refusal(token[:place] + other + token[place + 1 :]) in {"signature-wrong", "malformed"}


@pytest.mark.parametrize("token", ["", "a.b", "a.!.c", "a.e30.c", "a" * 5000, "a.bnVsbA.c"])
def test_what_names_no_connection_is_malformed(token: str) -> None:
    with pytest.raises(Refusal, match="malformed"):
        issuer(token)
