"""The member tab: when it is reviewed, what it must have, how its states follow each other."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.decoration.settings import Decoration
from services.gateway.tab.model import OFF, Around, Lack, State, Tab
from services.gateway.tab.rules.deciding import reviewed, submitted, withdrawn
from services.gateway.tab.rules.reviewing import lacking, review_at, unpublishable
from shared.outcome import Refused
from tests.builders.decoration import a_decoration, an_image

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Pacific/Apia", "UTC")
SOUND = ("join-gift", "exclusive-coupon", "points-for-shopping", "exclusive-service")
LACK = Lack("no-tiers", "tiers", "/benefits")
MONDAY = 0
LI, WU = "stf_li", "stf_wu"


def dressed(**changed: object) -> Decoration:
    """A decoration whose rights can be had."""
    return Decoration.model_validate(a_decoration(benefits=SOUND, **changed))


def on(tab: Tab = OFF, by: str = LI, *, others: bool = True) -> Tab | Refused:
    """What comes of switching it on."""
    return submitted(tab, by, AT, AT, others=others)


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
    assert list(lacking(dressed(), Around())) == []


@pytest.mark.parametrize(
    ("around", "found"),
    [
        (Around(tiers=False), [("no-tiers", "tiers")]),
        (Around(gift=False), [("no-gift", "campaigns"), ("too-few-rights", "decoration")]),
        (Around(earning=False), [("no-points", "points-rules"), ("too-few-rights", "decoration")]),
    ],
)
def test_each_thing_that_is_not_there_is_told_with_its_page(
    around: Around, found: list[tuple[str, str]]
) -> None:
    assert [(each.code, each.page) for each in lacking(dressed(), around)] == found


def test_rights_that_nothing_gives_yet_do_not_count() -> None:
    body = Decoration.model_validate(a_decoration(benefits=(*SOUND[:3], "birthday")))
    assert [each.code for each in lacking(body, Around())] == ["too-few-rights"]


def test_a_right_that_is_off_needs_nothing() -> None:
    rights = ("exclusive-coupon", "exclusive-service", "exchange-15-days", "priority-refund")
    body = Decoration.model_validate(a_decoration(benefits=rights))
    assert list(lacking(body, Around(gift=False, earning=False))) == []


def test_publishing_asks_for_tiers_and_for_links_that_answer() -> None:
    poster = {"image": an_image(), "link": "https://shop.example/"}
    body = dressed(posters=[poster, poster])
    around = Around(tiers=False, gift=False, dead_links=frozenset({1}))
    found = [(each.code, each.pointer) for each in unpublishable(body, around)]
    assert found == [("no-tiers", "/benefits"), ("link-dead", "/posters/1/link")]


def test_it_goes_from_off_through_the_review_and_off_again() -> None:
    tab = on()
    assert isinstance(tab, Tab)
    assert (tab.state, tab.submitted_by, tab.review_at) == ("submitted", LI, AT)
    shown = reviewed(tab, (), AT)
    assert (shown.state, shown.decided_at, shown.reasons) == ("approved", AT, ())
    assert withdrawn(shown) == OFF


@pytest.mark.parametrize("state", ["submitted", "approved"])
def test_what_is_on_is_not_switched_on_again(state: State) -> None:
    refused = on(Tab(state=state))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (409, "state-conflict")


def test_what_is_off_is_not_switched_off() -> None:
    refused = withdrawn(OFF)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (409, "state-conflict")


@pytest.mark.parametrize("off", [False, True])
def test_who_was_rejected_leaves_the_next_try_to_another(off: bool) -> None:  # noqa: FBT001
    """Switching off in between changes nothing; where nobody else could, nobody has to."""
    first = on()
    assert isinstance(first, Tab)
    tab = reviewed(first, (LACK,), AT)
    assert (tab.state, tab.reasons) == ("rejected", (LACK,))
    if off:
        tab = withdrawn(tab)  # type: ignore[assignment]
    refused = on(tab)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (403, "second-person")
    assert isinstance(on(tab, others=False), Tab)
    again = on(tab, WU)
    assert isinstance(again, Tab)
    assert isinstance(on(reviewed(again, (LACK,), AT)), Tab)
    assert reviewed(again, (), AT).rejected_to is None
