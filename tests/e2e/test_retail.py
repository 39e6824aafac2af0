"""A real shop's invoices through signed webhooks: every figure to the penny, on both logs."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from shuke.demo import retail
from tests.e2e.processes import Place

SECONDS = 300.0
SLICE = Path("online-retail") / "slice_2011-11-01_15.csv.gz"
EXPECTED = {
    "rows": 39_594,
    "invoices_skipped": 65,
    "orders": 1_369,
    "orders_with_customer": 1_263,
    "orders_of_guests": 106,
    "lines": 38_975,
    "customers": 979,
    "total_minor": 59_885_289,
    "goods_minor": 58_964_038,
    "fee_minor": 251_199,
    "shipping_minor": 670_052,
    "guests_total_minor": 19_094_794,
    "refunds_with_order": 84,
    "refunds_with_order_minor": 783_497,
    "refunds_without_order": 159,
    "refunds_without_order_minor": 834_164,
    "check_ins": 1_137,
    "points_before_refunds": 589_034,
}
"""Reckoned elsewhere."""


def replayed(place: Place, path: Path) -> dict[str, Any]:
    """The last line of one run on a box of its own."""
    words = ("demo", "retail", str(path), "--check-ins", "--exit", "--json")
    said = place.run(*words, seconds=SECONDS)
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    assert found["differences"] == []
    assert (found["failed"], found["verify_violations"]) == (0, 0)
    return found


def twice(place: Place, path: Path) -> None:
    """A second run changes nothing."""
    first = replayed(place, path)
    assert {name: first[name] for name in EXPECTED} == EXPECTED
    again = replayed(place, path)
    changing = {"accepted", "duplicates", "seconds"}
    assert {k: v for k, v in again.items() if k not in changing} == {
        k: v for k, v in first.items() if k not in changing
    }


@pytest.mark.timeout(2 * SECONDS)
def test_two_weeks_come_to_what_was_reckoned_and_a_second_time_to_the_same(
    fresh_database: str, tmp_path: Path, larger_data: Path
) -> None:
    twice(Place(tmp_path, fresh_database), larger_data / SLICE)


@pytest.mark.kafka
@pytest.mark.timeout(2 * SECONDS)
def test_the_same_through_kafka(
    kafka_servers: str, fresh_database: str, tmp_path: Path, larger_data: Path
) -> None:
    place = Place(
        tmp_path,
        fresh_database,
        KAFKA_BOOTSTRAP_SERVERS=kafka_servers,
        SHUKE_TOPIC_PREFIX=f"t-{secrets.token_hex(4)}.",
    )
    place.run("topics")
    twice(place, larger_data / SLICE)


def test_the_figures_of_known_files_are_those_that_reading_them_gives(larger_data: Path) -> None:
    """Also of the whole year."""
    for each in json.loads(retail.REFERENCES.read_text(encoding="utf-8")).values():
        what = retail.script(
            larger_data / "online-retail" / each.pop("file"), check_ins=True, as_recorded=False
        )
        assert what.expected == each == retail.figures_of(what)
