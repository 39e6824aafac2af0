"""What is shown of a person: the rows of the table, and that a mask never shows the whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.profile.model import Known
from services.members.profile.rules.masking import GROUPS, mask, refused, shown
from services.members.profile.rules.merging import merge
from shared.events.storefront.contact import FIELDS
from shared.http.tokens import Caller
from tests.builders.events import instant

VALUES = {"name": "张三丰", "phone": "+8613800135678", "birthday": "1990-05-12"}


def caller(**levels: Any) -> Caller:
    """Somebody with these levels."""
    fields = tuple(sorted(levels.items()))
    return Caller("stf_1", None, frozenset(), (), instant("2026-03-01"), fields)


@pytest.mark.parametrize(
    ("field", "value", "masked"),
    [
        ("phone", "+8613800135678", "138****5678"),
        ("phone", "+4915112345678", "491****5678"),
        ("phone", "+3545555", "****55"),
        ("name", "张三丰", "张**"),
        ("name", "张", "张*"),
        ("name", "Anna Maria Li", "A***"),
        ("email", "anna@x.com", "a***@x.com"),
        ("email", "a@x.com", "a***@x.com"),
        ("birthday", "1990-05-12", "1990-**-**"),
        ("province", "浙江", "浙江"),
    ],
)
def test_a_value_is_masked(field: str, value: str, masked: str) -> None:
    assert mask(field, value) == masked


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_masked_phone_hides_digits(phone: str) -> None:
    hidden = mask("phone", phone)
    assert "****" in hidden
    assert sum(each.isdigit() for each in hidden) <= len(phone) - 1 - 4


@given(st.text(min_size=1, max_size=40))
def test_a_masked_name_shows_one_letter(name: str) -> None:
    assert mask("name", name).rstrip("*") in {name[:1], ""}


def test_every_field_is_of_a_group() -> None:
    assert set(GROUPS) == set(FIELDS)


@pytest.mark.parametrize(
    ("levels", "fields"),
    [
        ({}, []),
        ({"contact": "reveal", "private": "clear"}, []),
        ({"contact": "hidden"}, ["name", "phone"]),
        ({"private": "masked"}, ["birthday"]),
    ],
)
def test_what_a_caller_may_not_ask_for(levels: dict[str, str], fields: list[str]) -> None:
    assert refused(caller(**levels), list(VALUES)) == fields


def test_levels_go_by_group() -> None:
    assert shown(caller(contact="clear", private="hidden"), VALUES) == {
        "name": "张三丰",
        "phone": "+8613800135678",
    }


TIMES = st.integers(1, 5).map(lambda day: instant(f"2026-03-0{day}"))
PROFILES = st.dictionaries(
    st.sampled_from(FIELDS), st.builds(Known, st.sampled_from("abc"), TIMES), max_size=4
)


@given(st.lists(PROFILES, max_size=5), st.randoms())
def test_in_whatever_order_people_are_told_they_come_out_alike(
    profiles: list[Any], chance: Any
) -> None:
    shuffled = [*profiles]
    chance.shuffle(shuffled)
    once = merge(profiles)
    assert merge(shuffled) == once
    assert merge([once, *profiles]) == once
    assert merge([merge(profiles[:2]), merge(profiles[2:])]) == once
