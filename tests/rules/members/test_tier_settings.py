"""What a merchant may set of tiers."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.members.tiers.settings import Ladder, check, five_tiers, four_tiers


def a_tier(code: str, rank: int, **values: Any) -> dict[str, Any]:
    """One rung."""
    return {"code": code, "rank": rank, **values}


BASE = a_tier("ordinary", 1)


@pytest.mark.parametrize(
    "tiers",
    [
        [],
        [a_tier("ordinary", 2)],
        [BASE, a_tier("ordinary", 2, enter={"amount_minor": 5})],
        [BASE, a_tier("silver", 2)],
        [BASE, a_tier("silver", 2, enter={"amount_minor": 5}, keep={"amount_minor": 6})],
        [
            BASE,
            a_tier("silver", 2, enter={"amount_minor": 5}),
            a_tier("gold", 3, enter={"amount_minor": 5}),
        ],
        [
            BASE,
            a_tier("silver", 2, enter={"amount_minor": 5, "orders": 3}),
            a_tier("gold", 3, enter={"amount_minor": 9, "orders": 2}),
        ],
        [BASE | {"pay_bp": 9_000}, a_tier("silver", 2, enter={"orders": 2}, pay_bp=9_500)],
        [BASE | {"pay_bp": 999}],
        [BASE | {"pay_bp": 10_001}],
        [a_tier("Silver", 1)],
    ],
)
def test_what_makes_no_sense_is_refused(tiers: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        Ladder.model_validate({"code": "main", "tiers": tiers})


def test_a_tier_that_is_off_need_not_ask_for_anything() -> None:
    ladder = Ladder.model_validate({"code": "main", "tiers": [BASE, a_tier("vip", 2, on=False)]})
    assert ladder.tiers[1].enter.empty


def test_the_five_tiers_of_the_template() -> None:
    asked = {tier.code: tier.enter.amount_minor for tier in five_tiers().tiers}
    assert asked == {
        "ordinary": 0,
        "silver": 100_000,
        "gold": 300_000,
        "platinum": 1_000_000,
        "diamond": 3_000_000,
    }
    assert five_tiers(1).tiers[1].enter.amount_minor == 1_000


def test_the_four_tiers_of_the_template_are_off_but_the_first() -> None:
    ladder = four_tiers()
    assert [tier.on for tier in ladder.tiers] == [True, False, False, False]
    assert [tier.pay_bp for tier in ladder.tiers] == [10_000, 9_000, 9_000, 9_000]
    assert (ladder.tiers[1].enter.amount_minor, ladder.tiers[1].enter.orders) == (100_000, 5)


def test_a_tier_that_members_may_hold_must_not_vanish() -> None:
    five, four = five_tiers(), four_tiers()
    assert check(five, None) == []
    assert check(five, five) == []
    errors = check(four, five)
    assert [error.code for error in errors] == ["tier-dropped"] * 4
