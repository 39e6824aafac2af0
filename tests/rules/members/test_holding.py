"""Which statement about a purpose holds, in whatever order and however often they become known."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.members.consent.model import GRANTED, WITHDRAWN, Consent
from services.members.consent.rules.holding import agreed, holding
from shared.ids import derive
from tests.builders.events import instant

NOON = instant("2026-03-01 12:00")
MEMBER = derive("li")


def said(state: str, days: int = 0, purpose: str = "profiling", text: str = "1") -> Consent:
    """A statement, so many days after the first of March."""
    at = NOON + timedelta(days=days)
    return Consent(1, MEMBER, purpose, at, state, text, "centre", "tick", "mem_li")


STATEMENTS = st.lists(
    st.builds(
        said,
        st.sampled_from((GRANTED, WITHDRAWN)),
        st.integers(0, 3),
        st.sampled_from(("profiling", "birthday-care", "terms")),
    ),
    max_size=12,
)


def test_nothing_said_is_no_consent() -> None:
    assert holding([]) == {}
    assert not agreed([], "profiling")
    assert not agreed([said(GRANTED, purpose="terms")], "profiling")


def test_the_latest_holds_whenever_it_becomes_known() -> None:
    granted, withdrawn = said(GRANTED, 1), said(WITHDRAWN, 2)
    for order in ([granted, withdrawn], [withdrawn, granted]):
        assert holding(order) == {"profiling": withdrawn}
    again = said(GRANTED, 3)
    assert agreed([again, withdrawn, granted], "profiling")


def test_of_one_instant_what_is_withdrawn_holds() -> None:
    for order in ([said(GRANTED), said(WITHDRAWN)], [said(WITHDRAWN), said(GRANTED)]):
        assert not agreed(order, "profiling")


@given(STATEMENTS, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(statements: list[Consent], random: object) -> None:
    shuffled = [*statements, *statements]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert holding(shuffled) == holding(statements)


@given(STATEMENTS)
def test_what_holds_is_the_last_of_its_purpose_by_brute_force(statements: list[Consent]) -> None:
    """And each purpose stands for itself."""
    for purpose in {each.purpose for each in statements}:
        mine = [each for each in statements if each.purpose == purpose]
        latest = max(each.at for each in mine)
        states = {each.state for each in mine if each.at == latest}
        found = holding(statements)[purpose]
        assert (found.at, found.state) == (latest, WITHDRAWN if WITHDRAWN in states else GRANTED)


@given(STATEMENTS, STATEMENTS)
def test_two_ledgers_come_to_the_same_as_what_holds_of_each(
    one: list[Consent], two: list[Consent]
) -> None:
    """So a consumer that keeps only what holds is never wrong."""
    kept = [*holding(one).values(), *holding(two).values()]
    assert holding(kept) == holding([*one, *two])
