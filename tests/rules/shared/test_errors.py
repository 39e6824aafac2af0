"""The exceptions, and whom a failure is blamed on."""

import asyncpg
import pytest

from shared.db.faults import blame
from shared.errors import (
    Fenced,
    FieldError,
    HttpProblem,
    Misconfigured,
    Shortage,
    ShukeError,
    Unavailable,
    Undecodable,
)

ALL = [
    Undecodable("invalid", "no id"),
    Fenced([("storefront", 1)], "claimed"),
    Shortage({"stock": 0}),
    Unavailable("away"),
    Misconfigured("no key"),
    HttpProblem(409, "state-conflict", "It is so already."),
]


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_all_are_ours_and_say_what_happened(error: ShukeError) -> None:
    assert isinstance(error, ShukeError)
    assert len(str(error)) > 3


def test_a_problem_names_the_fields_concerned() -> None:
    problem = HttpProblem(
        422, "invalid", "No.", errors=[FieldError("/unit", "too-low", "at least 1")]
    )
    assert [each.as_dict() for each in problem.errors] == [
        {"pointer": "/unit", "code": "too-low", "message": "at least 1"}
    ]


@pytest.mark.parametrize(
    ("error", "culprit"),
    [
        (ValueError("a rule"), "record"),
        (AssertionError("an invariant"), "record"),
        (Misconfigured("no key"), "program"),
        (Unavailable("the log"), "log"),
        (ConnectionResetError("the server"), "database"),
        (TimeoutError("a pool"), "database"),
        (asyncpg.DeadlockDetectedError("two"), "database"),
        (asyncpg.SerializationError("two"), "database"),
        (asyncpg.AdminShutdownError("bye"), "database"),
        (asyncpg.CheckViolationError("a row"), "record"),
        (asyncpg.NumericValueOutOfRangeError("a row"), "record"),
        (asyncpg.UndefinedTableError("no table"), "program"),
        (asyncpg.InsufficientPrivilegeError("no right"), "program"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whom_a_failure_is_blamed_on(error: Exception, culprit: str) -> None:
    assert blame(error).value == culprit
