"""Whether a coupon is out."""

from itertools import permutations

import pytest

from services.analytics.rules.couponing import later, stepped
from tests.builders.campaigns import a_coupon, a_coupon_change
from tests.rules.analytics.facts import PROGRAM


@pytest.mark.parametrize(
    ("changes", "out"),
    [
        ([], True),
        (["used", "returned"], True),
        (["expired"], True),
        (["revoked"], False),
        (["used", "returned", "revoked"], False),
        (["revoked", "issued"], True),
    ],
)
def test_the_highest_version_says_whether_it_is_out(changes: list[str], *, out: bool) -> None:
    data = [a_coupon(PROGRAM.text_id).data] + [
        a_coupon_change(PROGRAM.text_id, version=number).data for number, _ in enumerate(changes, 2)
    ]
    steps = [
        stepped(PROGRAM, each, change)  # type: ignore[arg-type]
        for each, change in zip(data, ["issued", *changes], strict=True)
    ]
    for order in permutations(steps):
        known = order[0]
        for told in order[1:]:
            known = later(known, told)
        assert known.revoked is not out


def test_under_one_version_a_revocation_stands() -> None:
    issued = stepped(PROGRAM, a_coupon(PROGRAM.text_id).data, "issued")  # type: ignore[arg-type]
    data = a_coupon_change(PROGRAM.text_id, version=1).data
    revoked = stepped(PROGRAM, data, "revoked")  # type: ignore[arg-type]
    assert later(issued, revoked) == later(revoked, issued) == revoked
