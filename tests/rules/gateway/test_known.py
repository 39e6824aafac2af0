"""What is recognised without asking: the newest, and what was looked at."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.known import Known
from shared.random_ids import random_id

PARTS = st.lists(st.text(max_size=8) | st.uuids(), min_size=1, max_size=3).map(tuple)


def test_the_oldest_that_nobody_looked_at_is_forgotten() -> None:
    known, program = Known(most=2), "prg"
    first, second, third = (random_id() for _ in range(3))
    known.put(1, program, first)
    known.put(2, program, second)
    assert known.get(program, first) == 1
    known.put(3, program, third)
    assert [known.get(program, each) for each in (first, second, third)] == [1, None, 3]


@given(st.dictionaries(PARTS, st.integers(0, 2**64), max_size=20))
def test_no_key_answers_for_another(values: dict[tuple[str, ...], int]) -> None:
    """However its parts are cut: ("ab", "c") is not ("a", "bc")."""
    known = Known()
    for key, value in values.items():
        known.put(value, *key)
    assert {key: known.get(*key) for key in values} == values
    assert known.get("never put") is None or ("never put",) in values
