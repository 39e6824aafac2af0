"""Boxes: weekly pairs, what opens them, and what nobody opens any more."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import boxes
from shared.boxes import Locked, Opener, Sealer
from shared.errors import Misconfigured

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pairs of this week and the next."""
    made: Path = tmp_path_factory.mktemp("keys")
    boxes.prepare(made, NOW)
    return made


@given(st.text(max_size=40), st.binary(max_size=500))
def test_a_box_opens_as_it_was_filled(folder: Path, place: str, content: bytes) -> None:
    box = Sealer(folder, lambda: NOW).seal(place, content)
    assert Opener(folder).open(place, box) == content
    with pytest.raises(ValueError, match="does not open"):
        Opener(folder).open(place + "x", box)


@given(st.integers(0, 10_000))
def test_a_box_that_was_changed_stays_shut(folder: Path, at: int) -> None:
    box = Sealer(folder, lambda: NOW).seal("here", b"13800138000")
    at %= len(box)
    changed = box[:at] + ("A" if box[at] != "A" else "B") + box[at + 1 :]
    with pytest.raises((ValueError, Locked)):
        Opener(folder).open("here", changed)


@pytest.mark.parametrize("box", ["", "v1", "v2.2026-w48.a.b", "v1.a.b", "v1.../../root.a.b"])
def test_what_is_no_box_is_refused(folder: Path, box: str) -> None:
    with pytest.raises((ValueError, Locked)):
        Opener(folder).open("here", box)


def test_a_week_has_a_pair_of_its_own_and_old_boxes_still_open(tmp_path: Path) -> None:
    boxes.prepare(tmp_path, NOW)
    before = Sealer(tmp_path, lambda: NOW).seal("here", b"old")
    later = NOW + timedelta(weeks=2)
    assert boxes.prepare(tmp_path, later) == ["2026-w50", "2026-w51"]
    after = Sealer(tmp_path, lambda: later).seal("here", b"new")
    assert before.split(".")[1] == "2026-w48"
    assert after.split(".")[1] == "2026-w50"
    assert Opener(tmp_path).open("here", before) == b"old"
    assert Opener(tmp_path).open("here", after) == b"new"


def test_thirty_days_after_its_week_nobody_opens_a_box(tmp_path: Path) -> None:
    boxes.prepare(tmp_path, NOW)
    box = Sealer(tmp_path, lambda: NOW).seal("here", b"old")
    ends = datetime(2026, 11, 30, tzinfo=UTC)
    assert boxes.destroy(tmp_path, ends + 30 * DAY - timedelta(seconds=1)) == []
    assert Opener(tmp_path).open("here", box) == b"old"
    assert boxes.destroy(tmp_path, ends + 30 * DAY) == ["2026-w48"]
    with pytest.raises(Locked):
        Opener(tmp_path).open("here", box)


def test_private_halves_are_their_owners_alone(folder: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in boxes.private_keys(folder)} == {0o600}


def test_whoever_fills_boxes_needs_no_private_key(folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*.pub"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    box = Sealer(tmp_path, lambda: NOW).seal("here", b"content")
    assert Opener(folder).open("here", box) == b"content"
    with pytest.raises(Locked):
        Opener(tmp_path).open("here", box)


def test_without_a_public_key_nothing_is_sealed(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="shuke keys init"):
        Sealer(tmp_path, lambda: NOW).seal("here", b"content")
