"""What one decision of members writes is what its next reading finds."""

from hypothesis import given
from hypothesis import strategies as st

from services.members.model import Link, Touched
from tests.rules.members.facts import ANN, BEN, CAUSE, CUSTOMER, a_draft, a_link, a_member, uuid


def test_a_member_is_read_as_the_decision_left_it() -> None:
    known, changed = a_member(ANN), a_member(ANN, version=2)
    draft = a_draft(known)
    assert (draft.member(ANN), draft.member(BEN)) == (known, None)
    draft.put(changed)
    assert draft.member(ANN) == changed
    assert draft.state.members[known.key] == known
    assert draft.rows == [changed]


def test_who_is_touched_twice_is_derived_once() -> None:
    draft = a_draft()
    for who in (ANN, BEN, ANN):
        draft.touch(who)
    assert draft.written(Touched) == [Touched(1, ANN, CAUSE), Touched(1, BEN, CAUSE)]


members = st.sampled_from([ANN, BEN, uuid("Cho")])
words = st.lists(st.tuples(members, st.integers(1, 9)), max_size=5)


@given(words, words)
def test_each_link_of_a_customer_is_read_once_in_its_last_form(
    stored: list[tuple[object, int]], written: list[tuple[object, int]]
) -> None:
    known = [a_link(who, revision=no) for who, no in stored]  # type: ignore[arg-type]
    fresh = [a_link(who, revision=no) for who, no in written]  # type: ignore[arg-type]
    draft = a_draft(*known)
    for link in fresh:
        draft.put(link)
    found = {link.member_id: link.revision for link in draft.links_of(CUSTOMER)}
    assert found == dict(stored) | dict(written)
    assert len(draft.links_of(CUSTOMER)) == len(found)
    assert len(draft.written(Link)) == len(dict(written))
    assert draft.links_of(uuid("somebody else")) == []
