"""Decorations of a member centre, as bodies of the API."""

from typing import Any

BENEFITS = ("join-gift", "exclusive-coupon", "points-for-shopping", "birthday")


def a_decoration(**changed: Any) -> dict[str, Any]:
    """A decoration that may be published; parts that are given replace those that there are."""
    return {
        "join": {"text": "熟客规则"},
        "card": {"colour": "jade", "image": None},
        "benefits": list(BENEFITS),
        "posters": [],
        "entries": ["points", "check-in", "coupons"],
        "module": {"mode": "smart", "text": "", "background": "mist", "image": None, "origins": []},
    } | changed


def an_image(fill: str = "a", kind: str = "jpg") -> dict[str, str]:
    """A picture that a document names."""
    return {"file": f"{fill * 64}.{kind}", "alt": "Spring"}
