"""What a merchant may set of points."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.points.settings import check
from tests.rules.points.facts import a_settings


@pytest.mark.parametrize(
    "validity", ["never", "days:1", "months:12", "month-end:3", "quarter-end:1", "year-end:1200"]
)
def test_periods_that_can_be_set(validity: str) -> None:
    assert a_settings(validity=validity).validity == validity


@pytest.mark.parametrize(
    "values",
    [
        {"validity": ""},
        {"validity": "never:1"},
        {"validity": "days"},
        {"validity": "days:0"},
        {"validity": "days:1201"},
        {"validity": "days:-1"},
        {"validity": "weeks:2"},
        {"unit": 0},
        {"points_per_unit": 0},
        {"tier_bp": {"gold": 100_001}},
        {"debt_policy": "deduct"},
        {"check_in": {"streaks": ["3:10"]}},
        {"unheard_of": 1},
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_settings(**values)


FLAT = {"tier_bp": {}, "birthday_bp": 20_000}


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        # 1.00 = 1 point = 1.00: everything back.
        ({"unit": 100, "unit_points": 1, "unit_value": 100} | FLAT, ["rebate-too-high"]),
        # 20.00 = 1 point = 1.00: 500 bp, in the birthday month 1000.
        ({"unit": 2000, "unit_points": 1, "unit_value": 100} | FLAT, []),
        # 1.00 = 1 point, 100 points = 1.00: 100 bp, at the top tier in the birthday month 600.
        ({"unit": 100, "unit_points": 100, "unit_value": 100}, []),
        # Half of it back at once, whatever the tiers do.
        ({"unit": 200, "unit_points": 1, "unit_value": 100} | FLAT, ["rebate-too-high"]),
        # 200 bp at the base, all of it at 25 times and doubled.
        (
            {"unit": 5000, "unit_points": 1, "unit_value": 100, "tier_bp": {"gold": 100_000}}
            | {"birthday_bp": 50_000},
            ["rebate-too-high"],
        ),
    ],
)
def test_a_programme_must_not_give_back_too_much(values: dict[str, Any], codes: list[str]) -> None:
    assert [error.code for error in check(a_settings(**values), None)] == codes
