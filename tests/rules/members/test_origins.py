"""What hashes of one phone under several keys stand for."""

from hypothesis import given
from hypothesis import strategies as st

from services.members.model import alike, origins_of
from shared.events.storefront.parts import Identity

NUMBERS = st.lists(st.sets(st.integers(1, 4), min_size=1), min_size=1, max_size=6)


def told(*hashes: str, kind: str = "phone") -> list[Identity]:
    """Identities of a kind."""
    return [Identity(kind=kind, hash=each) for each in hashes]  # type: ignore[arg-type]


def test_hashes_of_one_kind_under_different_keys_are_of_one_thing() -> None:
    both = told("v2.p", "v1.p") + told("v2.m", "v1.m", kind="email")
    assert alike(both) == [("v2.p", "v1.p"), ("v2.m", "v1.m")]
    assert alike(told("v1.p", "v1.q")) == [("v1.p",), ("v1.q",)]
    assert alike([]) == []


def test_what_is_new_is_kept_under_the_oldest_key() -> None:
    expected = {(1, "v2.p"): "v1.p", (1, "v1.p"): "v1.p"}
    assert origins_of([(1, ("v2.p", "v1.p"))], {}) == expected
    assert origins_of([(1, ("v10.p", "v9.p"))], {})[1, "v10.p"] == "v9.p"


def test_what_is_known_already_stays() -> None:
    known = {(1, "v2.p"): "v2.p"}
    assert origins_of([(1, ("v2.p", "v1.p"))], known)[1, "v1.p"] == "v2.p"
    assert origins_of([(2, ("v2.p", "v1.p"))], known)[2, "v1.p"] == "v1.p"


@given(NUMBERS)
def test_every_hash_stands_for_one_and_that_for_itself(groups: list[set[int]]) -> None:
    """Whatever hashes of one phone were told together."""
    given_ = [(1, tuple(f"v{number}.p" for number in sorted(each))) for each in groups]
    found = origins_of(given_, {})
    assert found.keys() == {(1, each) for _, hashes in given_ for each in hashes}
    assert all(found[1, origin] == origin for origin in found.values())
