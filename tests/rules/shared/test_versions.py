"""Documents and their versions: what was in force at an instant."""

from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.settings.versions import Document, Published, Settings, Version, Versions
from tests.builders.events import instant

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)


class Body(Settings):
    """A document."""

    text: str = ""


def versions(*days: int) -> Versions[Body]:
    """Versions 1, 2, 3 … from these days on."""
    return Versions(
        tuple(Version(number, NOON + day * DAY, Body()) for number, day in enumerate(days, 1))
    )


@pytest.mark.parametrize(
    ("starts", "day", "number"),
    [
        ([], 0, None),
        ([1], 0, None),
        ([0], 0, 1),
        ([0, 1], 0, 1),
        ([0, 1], 1, 2),
        ([0, 0], 0, 2),
        ([0, 3, 1], 2, 3),
        ([0, 3, 1], 3, 2),
    ],
)
def test_the_version_in_force_is_the_one_that_began_last(
    starts: list[int], day: int, number: int | None
) -> None:
    found = versions(*starts).at(NOON + day * DAY)
    assert (found.number if found else None) == number


def test_a_version_begins_at_its_very_instant() -> None:
    both = versions(0, 1)
    assert both.at(NOON + DAY - timedelta(milliseconds=1)) == both.all[0]
    assert both.at(NOON + DAY) == both.all[1]


@given(
    st.lists(st.integers(0, 5), max_size=5), st.integers(0, 6), st.randoms(use_true_random=False)
)
def test_the_order_in_which_they_are_read_does_not_matter(
    starts: list[int], day: int, chance: Random
) -> None:
    read = versions(*starts)
    mixed = list(read.all)
    chance.shuffle(mixed)
    at: datetime = NOON + day * DAY
    assert Versions(tuple(mixed)).at(at) == read.at(at)


def test_versions_by_number_and_of_a_program() -> None:
    both = versions(0, 1)
    assert both.numbered(2) == both.all[1]
    assert both.numbered(3) is None
    known = Published({(1, "ladder/main"): both, (1, "join"): versions(0), (2, "ladder/x"): both})
    assert known.of(1, "ladder/main") == both
    assert known.of(2, "join") == Versions()
    assert known.family(1, "ladder/") == {"main": both}


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("points", "points", True),
        ("points", "points2", False),
        ("ladder/", "ladder/main", True),
        ("ladder/", "ladder/", False),
        ("ladder/", "ladder/a/b", False),
        ("ladder/", "ladder", False),
    ],
)
def test_a_kind_of_document_knows_its_names(kind: str, name: str, *, expected: bool) -> None:
    assert Document(kind, Body).matches(name) == expected


def test_a_misspelled_field_is_refused() -> None:
    with pytest.raises(ValueError, match="txet"):
        Body.model_validate({"txet": "?"})
