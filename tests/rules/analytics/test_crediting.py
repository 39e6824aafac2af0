"""The points of an order: what gives and takes back, not what lapses."""

from typing import Any

import pytest

from services.analytics.model import ENTRY_KINDS, SOURCE_KINDS, entry_key
from services.analytics.rules.crediting import credit, entry
from tests.builders.points import an_entry
from tests.rules.analytics.facts import NOON, PROGRAM, order


def fact(**drawn: Any) -> Any:
    """An entry as a fact."""
    event = an_entry(PROGRAM.text_id, **drawn)
    return entry(PROGRAM, event.time, event.data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("drawn", "of_the_order"),
    [
        ({}, True),
        ({"kind": "claw-back", "account": "reversed"}, True),
        ({"kind": "expire", "account": "expired"}, False),
        ({"kind": "set-off", "account": "none"}, False),
        ({"wallet": "growth"}, False),
        ({"order": None}, False),
    ],
)
def test_which_entries_are_of_their_order(drawn: dict[str, Any], *, of_the_order: bool) -> None:
    assert (fact(**drawn).order_id is not None) is of_the_order


def test_an_order_has_the_sum_of_its_entries_once_it_is_completed() -> None:
    entries = [fact(amount=889), fact(amount=-300)]
    assert credit(order(points=5), entries).points == 589
    assert credit(order(at=None), entries).points == 0
    assert fact(at=NOON).day == NOON.date()


def test_an_entry_is_keyed_by_the_hash_of_its_id() -> None:
    text = "ent_ygcuxopwjobkbjh7ttichjt3kuaqc"
    assert entry_key(text).hex == "d26a83c86744e01c8478ca6e9ea651da"


def test_codes_never_change() -> None:
    """They are those of the ledger's own entry ids, and are stored."""
    assert ENTRY_KINDS["earn"] == 1
    assert ENTRY_KINDS["claw-back"] == 7
    assert ENTRY_KINDS["write-off"] == 18
    assert SOURCE_KINDS["order"] == 1
    assert SOURCE_KINDS["cancel"] == 9
    assert SOURCE_KINDS["lot"] == 13
