"""When a program is set aside, and when a topic stands still: the last 2,000 records of each."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.limits import WINDOW, Judgement, Limits, Run, Seen, Window

GOOD, BAD = False, True
NOTHING = Judgement(frozenset(), frozenset())
STORE, OTHER = ("prg_a", "storefront"), ("prg_b", "storefront")
runs = st.lists(st.tuples(st.integers(1, 3_000), st.booleans()), max_size=12)
records = st.lists(st.booleans(), max_size=300)


def flat(history: list[Run]) -> list[bool]:
    """Each record on its own."""
    return [bad for count, bad in history for _ in range(count)]


@given(runs)
def test_a_window_counts_the_last_two_thousand(history: list[Run]) -> None:
    window, every = Window(history), flat(history)
    last = every[-WINDOW:]
    assert (window.seen, window.bad) == (len(last), sum(last))


@given(runs)
def test_bad_ones_in_a_row_are_those_at_the_end(history: list[Run]) -> None:
    trailing = [len(list(run)) for bad, run in groupby(flat(history)) if bad is BAD]
    ends_bad = bool(history) and history[-1][1] is BAD
    assert Window(history).in_a_row == (trailing[-1] if ends_bad else 0)


@given(records, st.integers(0, 300))
def test_it_does_not_matter_how_a_history_is_cut(history: list[bool], cut: int) -> None:
    one, two = Window([(1, bad) for bad in history]), Window()
    for part in (history[:cut], history[cut:]):
        two.add((len(list(run)), bad) for bad, run in groupby(part))
    assert (one.seen, one.bad, one.in_a_row) == (two.seen, two.bad, two.in_a_row)


@given(runs, runs)
def test_a_window_after_something_is_another_one(before: list[Run], then: list[Run]) -> None:
    window, whole = Window(before), Window(before + then)
    kept = (window.seen, window.bad, window.in_a_row)
    after = window.after(then)
    assert (after.seen, after.bad, after.in_a_row) == (whole.seen, whole.bad, whole.in_a_row)
    assert (window.seen, window.bad, window.in_a_row) == kept


@pytest.mark.parametrize(
    ("history", "parks"),
    [
        ([(199, BAD)], False),
        ([(200, BAD)], True),
        ([(199, BAD), (1, GOOD), (199, BAD)], False),
        ([(5_000, GOOD), (100, BAD)], False),  # 5 % is not over 5 %
        ([(5_000, GOOD), (101, BAD)], True),
        ([(1_898, GOOD), (101, BAD)], False),  # 5 % of what: there are no 2,000 yet
        ([(1_899, GOOD), (101, BAD)], True),
        ([(101, BAD), (1_999, GOOD)], False),  # further back than the window
        ([(51, BAD), (950, GOOD), (50, BAD), (949, GOOD)], True),
        ([], False),
    ],
)
def test_a_program_is_set_aside_beyond_its_limit(history: list[Run], parks: bool) -> None:  # noqa: FBT001
    assert Window(history).parks is parks


@pytest.mark.parametrize(
    ("history", "halts"),
    [
        ([(999, BAD)], False),
        ([(1_000, BAD)], True),
        ([(100, GOOD), (1_900, BAD)], True),
        ([(101, GOOD), (1_899, BAD)], False),
        ([(50_000, GOOD), (1_899, BAD)], False),
        ([(50_000, GOOD), (1_900, BAD)], True),
    ],
)
def test_a_topic_stands_still_beyond_its_limit(history: list[Run], halts: bool) -> None:  # noqa: FBT001
    assert Window(history).halts is halts


def seen(*history: Run, key: tuple[str, str] = STORE, unreadable: bool = False) -> Seen:
    """A batch of one program."""
    topics = [(count, bad and unreadable) for count, bad in history]
    return Seen({key: list(history)}, {key[1]: topics})


def test_a_judgement_keeps_nothing() -> None:
    limits = Limits()
    for _ in range(10):
        assert limits.judge(seen((199, BAD))) == NOTHING
    limits.keep(seen((199, BAD)))
    assert limits.judge(seen((1, BAD))) == Judgement(frozenset({STORE}), frozenset())


def test_a_program_is_judged_by_its_own_records() -> None:
    limits = Limits()
    limits.keep(seen((199, BAD)))
    assert limits.judge(seen((199, BAD), key=OTHER)) == NOTHING
    assert limits.judge(seen((1, BAD), key=(STORE[0], "members"))) == NOTHING


def test_only_something_bad_sets_a_program_aside() -> None:
    """What was kept beyond the limit does not count against a batch that is good."""
    limits = Limits()
    limits.keep(seen((300, BAD)))
    assert limits.judge(seen((10, GOOD))) == NOTHING


def test_a_program_that_was_set_aside_begins_anew() -> None:
    limits = Limits()
    limits.keep(seen((199, BAD)))
    limits.begin_anew(*STORE)
    assert limits.judge(seen((199, BAD))) == NOTHING


def test_a_program_that_another_worker_set_aside_begins_anew() -> None:
    limits = Limits()
    limits.keep(seen((199, BAD)))
    limits.keep(Seen({}, {}, {STORE}))
    assert limits.judge(seen((199, BAD))) == NOTHING


def test_a_topic_is_judged_by_what_could_not_be_read() -> None:
    limits = Limits()
    limits.keep(seen((900, BAD), unreadable=True))
    failed = limits.judge(seen((1_000, BAD)))
    unreadable = limits.judge(seen((1_000, BAD), unreadable=True))
    assert (set(failed.halt), set(unreadable.halt)) == (set(), {"storefront"})
