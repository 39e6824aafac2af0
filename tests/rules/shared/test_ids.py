"""Ids: derived, sortable, and their text form."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import derive, event_id, from_hash, parse_id, text_id, time_of, uuid_of
from tests.builders.events import instant

NOON = instant("2026-03-01 04:00")
texts = st.text(max_size=20)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.uuids())
def test_text_and_uuid_are_one_another(value: UUID) -> None:
    text = text_id("mem", value)
    assert len(text) == len("mem_") + 26
    assert parse_id("mem", text) == uuid_of(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mem_",
        "cus_v6exiz6pzobhrhkmmurlr3jugy",
        "mem_v6exiz6pzobhrhkmmurlr3jugya",
        "mem_v6exiz6pzobhrhkmmurlr3jug",
        "mem_V6EXIZ6PZOBHRHKMMURLR3JUGY",
        "mem_v6exiz6pzobhrhkmmurlr3jug1",
        "memv6exiz6pzobhrhkmmurlr3jugy",
    ],
)
def test_another_text_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="expected an id of the form mem_"):
        parse_id("mem", text)


@given(st.binary(min_size=16, max_size=32))
def test_a_derived_uuid_is_of_version_8(digest: bytes) -> None:
    value = from_hash(digest)
    assert (value.version, value.variant) == (8, "specified in RFC 4122")


def test_the_same_parts_give_the_same_id_and_their_borders_count() -> None:
    assert derive("order", "1") == derive("order", "1")
    assert derive("order", "1") != derive("order1")
    assert derive("a", "bc") != derive("ab", "c")
    assert derive("order", "1") == UUID("5cc131cd-7685-8262-8cd5-f072f9bb0145")


@given(moments, moments, texts)
def test_event_ids_sort_by_time_and_tell_it(one: datetime, other: datetime, cause: str) -> None:
    first, second = (event_id(at, "p", "s", "k", "c", cause) for at in (one, other))
    assert timedelta(0) <= one - time_of(first) < timedelta(milliseconds=1)
    assert (time_of(first) < time_of(second)) <= (first.int < second.int)
    assert (first.version, first.variant) == (8, "specified in RFC 4122")


@pytest.mark.parametrize("place", range(6))
def test_every_part_of_a_cause_makes_another_event(place: int) -> None:
    parts: list[object] = ["program", "service", "kind", "cause", "id", 0]
    changed = list(parts)
    changed[place] = 1 if place == 5 else "other"
    assert event_id(NOON, *parts) != event_id(NOON, *changed)  # type: ignore[arg-type]
    assert event_id(NOON, *parts) == event_id(NOON, *parts)  # type: ignore[arg-type]


def test_the_border_between_the_parts_of_a_cause_counts() -> None:
    assert event_id(NOON, "ab", "c", "k", "c", "i") != event_id(NOON, "a", "bc", "k", "c", "i")
