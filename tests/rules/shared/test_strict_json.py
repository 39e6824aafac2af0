"""JSON that no two readers can understand differently."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.strict_json import MAX_DEPTH, MAX_INTEGER, check


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"a": 1, "a": 2}', "occurs twice"),
        (b'{"a": {"b": 1, "b": 1}}', "occurs twice"),
        (b'{"a": 1, "a" : 2}', "occurs twice"),
        (b'{"a": "x", "a": {"b": "y"}}', "occurs twice"),
        (b"NaN", "no JSON number"),
        (b'{"a": -Infinity}', "no JSON number"),
        (b"[" * 40 + b"]" * 40, "nested deeper"),
        (b"[" * 200_000, "nested deeper"),
        (b"9007199254740993", "beyond 2"),
        (b"-9007199254740993", "beyond 2"),
        (b"{", "Expecting"),
        (b"", "Expecting"),
        (b'{"a": 1} {"a": 1}', "Extra data"),
        (b'"\xff"', "utf-8"),
    ],
)
def test_what_readers_could_take_differently_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check(raw)


def test_limits_of_the_reader() -> None:
    assert check(b'{"a": "xy"}', max_keys=1, max_string=2) == {"a": "xy"}
    with pytest.raises(ValueError, match="has 2 keys"):
        check(b'{"a": 1, "b": 2}', max_keys=1)
    with pytest.raises(ValueError, match="of 3 characters"):
        check(b'["xyz"]', max_string=2)


def test_the_deepest_and_the_largest_are_still_read() -> None:
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert json.dumps(check(deep)).encode() == deep
    assert check(str(MAX_INTEGER).encode()) == MAX_INTEGER


values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values, st.dictionaries(st.text(), values, min_size=1), st.data())
def test_a_key_that_occurs_twice_is_found_wherever_it_is(
    around: object, found: dict[str, object], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(found)))
    again = json.dumps({key: data.draw(values)}, ensure_ascii=False)
    twice = f"{json.dumps(found, ensure_ascii=False)[:-1]}, {again[1:]}"
    raw = f"[{json.dumps(around, ensure_ascii=False)}, {twice}]".encode("utf-8", "surrogatepass")
    with pytest.raises(ValueError, match="occurs twice"):
        check(raw)


@given(values)
def test_anything_else_is_read_as_it_was_written(value: object) -> None:
    assert check(json.dumps(value).encode()) == value
