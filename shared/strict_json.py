"""JSON that no two readers can understand differently: no duplicate keys, no NaN, bounded.

What is plainly sound is found so without looking closely: without escapes every text stands between
two quotes of its own, so a value that holds half as many texts as there are quotes has lost none,
as one would that had a key twice.
"""

import json
import re
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53
_LONG: Final = re.compile(rb"\d{16}")
"""Of so many digits an integer may be beyond 2^53."""


def check(
    raw: bytes,
    *,
    max_keys: int | None = None,
    max_string: int | None = None,
    max_integer: int | None = MAX_INTEGER,
) -> object:
    """The value, read strictly. Raises ValueError with what is wrong.

    Nesting at most 32, integers within 2^53; with limits, so many keys an object and so long texts.
    """
    plain = (
        b"\\" not in raw
        and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH
        and (max_keys is None or raw.count(b":") <= max_keys)
        and (max_string is None or len(raw) <= max_string)
        and (max_integer is None or _LONG.search(raw) is None)
    )
    if plain:
        try:
            value = msgspec.json.decode(raw)
        except msgspec.DecodeError:
            return _closely(raw, max_keys, max_string, max_integer)
        if raw.count(b'"') == 2 * _texts([value]):
            return value
    return _closely(raw, max_keys, max_string, max_integer)


def _texts(value: Any) -> int:  # noqa: ANN401 - JSON
    """How many texts an object or list holds, keys among them."""
    found = 0
    if value.__class__ is dict:
        found, value = len(value), value.values()
    for each in value:
        kind = each.__class__
        if kind is str:
            found += 1
        elif kind is dict or kind is list:
            found += _texts(each)
    return found


def _closely(
    raw: bytes, max_keys: int | None, max_string: int | None, max_integer: int | None
) -> object:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"key {twice[:40]!r} occurs twice")
        if max_keys is not None and len(found) > max_keys:
            raise ValueError(f"an object has {len(found)} keys, at most {max_keys} are allowed")
        return found

    try:
        value = json.loads(raw, object_pairs_hook=once, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH}") from error
    _walk(value, 0, max_string, max_integer)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _walk(value: object, depth: int, max_string: int | None, max_integer: int | None) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for item in value.values():
            _walk(item, depth + 1, max_string, max_integer)
    elif isinstance(value, list):
        for item in value:
            _walk(item, depth + 1, max_string, max_integer)
    elif isinstance(value, str):
        if max_string is not None and len(value) > max_string:
            raise ValueError(f"a text of {len(value)} characters, at most {max_string} are allowed")
    elif isinstance(value, int) and max_integer is not None and abs(value) > max_integer:
        raise ValueError(f"integer {value} is beyond 2^53")
