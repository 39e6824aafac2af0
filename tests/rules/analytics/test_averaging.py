"""Shares and averages are rounded down, and are 0 of nothing."""

from services.analytics.rules.averaging import quotient, share_bp


def test_an_average_is_rounded_down() -> None:
    assert quotient(124960, 3) == 41653
    assert quotient(0, 0) == 0


def test_a_share_is_rounded_down() -> None:
    assert share_bp(3, 1) == 30000
    assert share_bp(1339, 1344) == 9962
    assert share_bp(7000, 10000) == 7000
    assert share_bp(5, 0) == 0
