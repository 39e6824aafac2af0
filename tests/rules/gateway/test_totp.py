"""Codes of the second factor, by the vectors of RFC 6238."""

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.gateway.staff.rules.totp import code_of, matching_step, step_of
from shared.days import EPOCH

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    now = EPOCH + timedelta(seconds=seconds)
    assert code_of(SECRET, step_of(now)) == code
    assert matching_step(SECRET, code, now, None) == step_of(now)


@given(st.integers(5, 2**31), st.integers(-3, 3), st.none() | st.integers(-3, 3))
def test_a_code_is_right_within_a_step_and_once(step: int, drift: int, used: int | None) -> None:
    """Unless another step near it happens to have the same code."""
    near = [code_of(SECRET, step + each) for each in range(-4, 5)]
    assume(len(set(near)) == len(near))
    now = EPOCH + timedelta(seconds=30 * step)
    last = None if used is None else step + used
    expected = abs(drift) <= 1 and (used is None or drift > used)
    found = matching_step(SECRET, code_of(SECRET, step + drift), now, last)
    assert found == (step + drift if expected else None)


@pytest.mark.parametrize("code", ["", "28708", "2870822", "abcdef", "２８７０８２", "287 082"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert matching_step(SECRET, code, EPOCH + timedelta(seconds=59), None) is None
