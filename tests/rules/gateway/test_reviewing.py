"""The member tab: when it is reviewed, and what it must have."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.decoration.settings import Decoration
from services.gateway.tab.model import Around
from services.gateway.tab.rules.reviewing import lacking, review_at, unpublishable
from tests.builders.decoration import a_decoration, an_image

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Pacific/Apia", "UTC")
SOUND = ("join-gift", "exclusive-coupon", "points-for-shopping", "exclusive-service")
MONDAY = 0
TIERS = frozenset({"ordinary", "gold"})


def dressed(**changed: object) -> Decoration:
    """A decoration whose rights can be had."""
    return Decoration.model_validate(a_decoration(benefits=SOUND, **changed))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_it_is_reviewed_on_the_monday_after_its_week_at_eight_in_the_evening(
    at: datetime, name: str
) -> None:
    """The week ends on Sunday at 24:00 of the program, whatever its clocks do."""
    zone = ZoneInfo(name)
    local = review_at(at, "weekly", zone).astimezone(zone)
    assert (local.weekday(), local.hour, local.minute, local.second) == (MONDAY, 20, 0, 0)
    day = at.astimezone(zone).date()
    assert timedelta(days=1) <= local.date() - day <= timedelta(days=7)
    assert review_at(at, "at-once", zone) == at


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("2026-11-23T00:00:00+08:00", "2026-11-30T20:00:00+08:00"),
        ("2026-11-29T23:59:59+08:00", "2026-11-30T20:00:00+08:00"),
        ("2026-11-30T00:00:00+08:00", "2026-12-07T20:00:00+08:00"),
    ],
)
def test_what_is_submitted_on_a_monday_waits_for_the_next(said: str, due: str) -> None:
    """Its own week is not over yet."""
    assert review_at(datetime.fromisoformat(said), "weekly", SHANGHAI) == datetime.fromisoformat(
        due
    )


def test_what_can_be_had_lacks_nothing() -> None:
    assert list(lacking(dressed(), Around(TIERS))) == []


@pytest.mark.parametrize(
    ("around", "found"),
    [
        (Around(), [("no-tiers", "tiers")]),
        (Around(TIERS, gift=False), [("no-gift", "campaigns"), ("too-few-rights", "decoration")]),
        (
            Around(TIERS, earning=False),
            [("no-points", "points-rules"), ("too-few-rights", "decoration")],
        ),
    ],
)
def test_each_thing_that_is_not_there_is_told_with_its_page(
    around: Around, found: list[tuple[str, str]]
) -> None:
    assert [(each.code, each.page) for each in lacking(dressed(), around)] == found


def test_rights_that_nothing_gives_yet_do_not_count() -> None:
    body = Decoration.model_validate(a_decoration(benefits=(*SOUND[:3], "birthday")))
    found = [(each.code, each.right) for each in lacking(body, Around(TIERS))]
    assert found == [("not-yet", "birthday"), ("too-few-rights", None)]


def test_a_right_that_is_off_needs_nothing() -> None:
    rights = ("exclusive-coupon", "exclusive-service", "exchange-15-days", "priority-refund")
    body = Decoration.model_validate(a_decoration(benefits=rights))
    assert list(lacking(body, Around(TIERS, gift=False, earning=False))) == []


def test_publishing_asks_for_tiers_and_for_links_that_answer() -> None:
    poster = {"image": an_image(), "link": "https://shop.example/"}
    body = dressed(posters=[poster, poster])
    around = Around(gift=False, dead_links=frozenset({1}))
    found = [(each.code, each.pointer) for each in unpublishable(body, around)]
    assert found == [("no-tiers", "/benefits"), ("link-dead", "/posters/1/link")]


@pytest.mark.parametrize(
    ("benefits", "tier", "found"),
    [
        (SOUND, "gold", []),
        (SOUND, "crown", [("unknown-tier", "/rights_from/exclusive-service")]),
        (SOUND[:3], "crown", []),
    ],
)
def test_a_right_that_is_on_is_had_from_a_tier_that_is_there(
    benefits: tuple[str, ...], tier: str, found: list[tuple[str, str]]
) -> None:
    body = a_decoration(benefits=benefits, rights_from={"exclusive-service": tier})
    lacks = unpublishable(Decoration.model_validate(body), Around(TIERS))
    assert [(each.code, each.pointer) for each in lacks] == found
