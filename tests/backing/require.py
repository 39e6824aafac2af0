"""What a run must have: without it, cases that need it fail where they would be skipped."""

import os
from typing import NoReturn

import pytest


def required(what: str) -> bool:
    """Whether `SHUKE_TEST_REQUIRE` names it; several are separated by commas."""
    return what in os.environ.get("SHUKE_TEST_REQUIRE", "").split(",")


def missed(what: str, why: str) -> NoReturn:
    """Skip the test, loudly; where it is required, fail it."""
    if required(what):
        pytest.fail(why)
    pytest.skip(why)
