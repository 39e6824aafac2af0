"""What may become of programs and stores: states, what is settled, who stands above whom."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.gateway.programs.decide import change_program, change_store, place
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged, StoreLink
from shared.ids import text_id
from shared.outcome import Refused
from shared.random_ids import random_id

PROGRAM = ProgramChanged(
    name="Demo",
    time_zone="Asia/Shanghai",
    currency="CNY",
    default_region="CN",
    locale="zh-CN",
    status="open",
    version=4,
)
STATES = ["setting-up", "open", "paused", "closed"]
MAY = {
    ("setting-up", "open"), ("setting-up", "closed"), ("open", "paused"), ("open", "closed"),
    ("paused", "open"), ("paused", "closed"),
}  # fmt: skip
IDS = [text_id("sto", random_id()) for _ in range(6)]


def a_branch(store_id: str = IDS[0], **changes: Any) -> StoreChanged:
    """A branch with nothing above it."""
    values: dict[str, Any] = {
        "store_id": store_id, "kind": "branch", "name": "南京路", "region": "CN", "status": "open",
        "version": 1,
    }  # fmt: skip
    return StoreChanged(**values | changes)


def code(found: object) -> str:
    """The code of a refusal."""
    assert isinstance(found, Refused), found
    return found.code


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES[1:])
def test_a_state_is_left_only_for_the_next_ones(before: Any, after: Any) -> None:
    """What is not new is no move, and no refusal either."""
    known = replace(PROGRAM, status=before)
    found = change_program(known, {"status": after}, locked=False)
    if before == after:
        assert found is known
    elif (before, after) in MAY:
        assert found == replace(known, status=after, version=5)
    else:
        assert code(found) == ("program-closed" if before == "closed" else "state-conflict")


@pytest.mark.parametrize(
    "change", [{"time_zone": "Asia/Tokyo"}, {"currency": "JPY"}, {"default_region": "JP"}]
)
def test_zone_currency_and_region_are_settled_with_the_first_order(
    change: Mapping[str, str],
) -> None:
    assert change_program(PROGRAM, change, locked=False) == replace(PROGRAM, **change, version=5)
    assert code(change_program(PROGRAM, change, locked=True)) == "program-locked"
    same = {name: getattr(PROGRAM, name) for name in change}
    assert change_program(PROGRAM, same | {"name": "New"}, locked=True) == replace(
        PROGRAM, name="New", version=5
    )


def test_the_region_of_a_store_is_settled_with_the_first_order_too() -> None:
    """Ids of customers by phone follow from it."""
    assert code(change_store(a_branch(), {"region": "HK"}, {}, locked=True)) == "program-locked"
    found = change_store(a_branch(), {"region": "HK"}, {}, locked=False)
    assert found == a_branch(region="HK", version=2)


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Demo", "Other"]),
        "currency": st.sampled_from(["CNY", "JPY"]),
        "status": st.sampled_from(STATES[1:]),
    },
)


@given(st.lists(st.tuples(CHANGES, st.booleans()), max_size=12))
def test_the_version_rises_by_one_with_each_change_and_with_nothing_else(
    changes: list[tuple[dict[str, Any], bool]],
) -> None:
    """So a consumer that takes the highest has the last; nothing leaves a closed program."""
    known = replace(PROGRAM, status="setting-up", version=1)
    for wanted, locked in changes:
        found = change_program(known, wanted, locked=locked)
        if isinstance(found, Refused):
            continue
        assert known.status != "closed" or found is known
        assert found == replace(known, **wanted, version=found.version)
        assert found.version == known.version + (found is not known)
        known = found


def test_only_a_branch_has_a_parent_and_a_store_of_its_program() -> None:
    parents = {IDS[1]: None}
    shop = a_branch(kind="shopify", parent=IDS[1])
    refused = place(shop, parents)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (422, "invalid")
    assert code(place(a_branch(parent=IDS[2]), parents)) == "not-found"
    assert place(a_branch(parent=IDS[1]), parents) == a_branch(parent=IDS[1])


def test_a_parent_is_taken_away_by_none() -> None:
    known = a_branch(parent=IDS[1])
    found = change_store(known, {"parent": None}, {IDS[0]: IDS[1], IDS[1]: None}, locked=True)
    assert found == replace(known, parent=None, version=2)


@given(st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from([None, *IDS])), max_size=20))
def test_no_branch_ever_stands_above_itself(moves: list[tuple[str, str | None]]) -> None:
    """Whatever is moved where, each branch has an end above it."""
    stores = {each: a_branch(each) for each in IDS}
    for store_id, parent in moves:
        parents = {each: store.parent for each, store in stores.items()}
        found = change_store(stores[store_id], {"parent": parent}, parents, locked=False)
        if isinstance(found, Refused):
            assert found.code == "parent-cycle"
        else:
            stores[store_id] = found
        for each in IDS:
            seen, above = {each}, stores[each].parent
            while above is not None:
                assert above not in seen
                seen.add(above)
                above = stores[above].parent


def test_links_and_a_closed_store() -> None:
    links = (StoreLink("Listing", "https://shop.example/products"),)
    found = change_store(a_branch(), {"links": links}, {}, locked=True)
    assert found == a_branch(links=links, version=2)
    closed = a_branch(status="closed")
    assert code(change_store(closed, {"links": links}, {}, locked=False)) == "store-closed"
