"""A member's tiers at the end of a batch: carried on where nothing earlier changed, else anew."""

from hypothesis import given
from hypothesis import strategies as st

from services.members.model import MembersState
from services.members.rules.retiering import retier
from services.members.tiers.model import TierFact
from services.members.tiers.rules.telling import Told
from services.members.tiers.rules.timeline import place_of
from services.members.tiers.settings import Ladder
from shared.settings.versions import Versions
from tests.builders.programs import versions
from tests.rules.members.facts import (
    CAUSE,
    DAY,
    NOON,
    PROGRAM,
    WHO,
    a_ladder,
    a_member,
    a_refund,
    a_state,
    an_order,
)

START = NOON - DAY
MEMBER = a_member(since=START)
LADDER = versions(a_ladder())
A = an_order("A", 100_000)
B = an_order("B", 200_000, NOON + DAY)


def after(state: MembersState, *fresh: TierFact, ladders: Versions[Ladder] = LADDER) -> Told | None:
    """A batch brought these facts; what became of the tiers is kept."""
    for fact in fresh:
        state.put(fact)
    told = retier(state, PROGRAM, MEMBER, "main", ladders, fresh, CAUSE)
    if told is not None:
        state.put(told.standing)
        for row in told.segments:
            state.put(row)
    return told


def tiers(state: MembersState) -> list[tuple[object, str, str | None]]:
    """The segments in force."""
    rows = [row for row in state.segments.values() if row.superseded_by is None]
    rows.sort(key=lambda row: (row.from_at, row.revision, row.no))
    return [(row.from_at, row.tier, row.cause_id) for row in rows]


def test_while_the_ladder_is_not_published_there_are_no_tiers() -> None:
    state = a_state()
    assert after(state, A, ladders=Versions()) is None
    assert tiers(state) == []


def test_who_has_no_tiers_yet_gets_them_from_all_that_is_known() -> None:
    state = a_state(A, whole=False)
    told = after(state, B)
    assert told is not None
    assert [tier for _, tier, _ in tiers(state)] == ["ordinary", "silver", "gold"]
    assert (told.standing.amount, told.standing.orders, told.standing.revision) == (300_000, 2, 1)


def test_carried_on_it_reads_neither_facts_nor_segments() -> None:
    known = a_state()
    after(known, A)
    state = a_state(*known.standings.values(), whole=False)
    told = after(state, B)
    assert told is not None
    assert [row.tier for row in told.segments] == ["gold"]
    assert told.standing.amount == 300_000
    assert told.standing.reached == ("ordinary", "silver", "gold")


def test_where_nothing_changed_the_standing_alone_is_kept() -> None:
    state = a_state()
    after(state, A)
    told = after(state, an_order("C", 100, NOON + DAY))
    assert told is not None
    assert (told.segments, told.event) == ([], None)
    assert (told.standing.amount, told.standing.revision) == (100_100, 1)


hours = st.integers(-30, 60).map(lambda hour: NOON + hour * DAY / 24)
facts = st.lists(
    st.tuples(st.sampled_from([0, 40_000, 100_000, 300_000]), hours, st.integers(0, 100_000)),
    max_size=5,
).map(
    lambda drawn: [
        fact
        for no, (amount, at, back) in enumerate(drawn)
        for fact in (
            an_order(f"O-{no}", amount, at, int(amount > 0)),
            a_refund(f"R-{no}", min(back, amount), at + DAY, f"O-{no}"),
        )
    ]
)


@given(facts, st.integers(0, 10))
def test_carried_on_or_anew_the_tiers_are_the_same(drawn: list[TierFact], place: int) -> None:
    ordered = sorted(drawn, key=lambda fact: place_of(fact, START))
    cut = place % (len(ordered) + 1)
    anew, carried = a_state(whole=True), a_state(whole=False)
    for state in (anew, carried):
        after(state, *ordered[:cut])
        after(state, *ordered[cut:])
    assert tiers(anew) == tiers(carried)
    assert anew.standings[1, WHO, "main"] == carried.standings[1, WHO, "main"]
