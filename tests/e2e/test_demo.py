"""`shuke demo` on one box, its log in PostgreSQL: the last line, to the last figure, twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import oracle
from tests.e2e.processes import Place

SECONDS = 180.0
RECORDED = ("demo", "--exit", "--json", "--no-extras")
EXTRAS = ("demo", "--exit", "--json")
KEYS = [*oracle.DOCUMENTED[True], "seconds", "orders_per_second", "reference_matches",
        "verify_violations"]  # fmt: skip


@pytest.fixture(scope="module")
def data() -> dict[bool, dict[str, Any]]:
    """What the oracle says, without and with extras."""
    return {extras: oracle.figures(extras=extras) for extras in (False, True)}


def last_line(place: Place, *words: str) -> dict[str, Any]:
    """The figures of a run that ended well, in time."""
    said = place.run(*words, seconds=SECONDS)
    figures: dict[str, Any] = json.loads(said.splitlines()[-1])
    assert list(figures) == KEYS
    assert figures["seconds"] > 0
    assert figures["orders_per_second"] == pytest.approx(
        figures["orders"] / figures["seconds"], rel=0.01
    )
    return figures


def without_time(figures: dict[str, Any]) -> dict[str, Any]:
    """What may not differ from run to run."""
    return {k: v for k, v in figures.items() if k not in {"seconds", "orders_per_second"}}


@pytest.mark.timeout(2 * SECONDS)
def test_the_recorded_orders_come_to_the_reference(
    fresh_database: str, tmp_path: Path, data: dict[bool, dict[str, Any]]
) -> None:
    found = without_time(last_line(Place(tmp_path, fresh_database), *RECORDED))
    assert found == data[False] | {"reference_matches": True, "verify_violations": 0}


@pytest.mark.timeout(4 * SECONDS)
def test_repeats_refunds_and_check_ins_come_to_the_oracles_figures_and_a_second_run_to_the_same(
    fresh_database: str, tmp_path: Path, data: dict[bool, dict[str, Any]]
) -> None:
    place = Place(tmp_path, fresh_database)
    first = without_time(last_line(place, *EXTRAS))
    assert first == data[True] | {"reference_matches": None, "verify_violations": 0}
    again = without_time(last_line(place, *EXTRAS))
    assert again == first
