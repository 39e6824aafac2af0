"""Key files, sealed blocks and blind indexes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import index_keys
from shared.clock import monotonic
from shared.errors import Misconfigured
from shared.sealing import ROOT, KeyRing
from shared.token_keys import FIRST as TOKEN
from shared.token_keys import PUBLIC

INDEX = "index.v1.key"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """Keys of one installation."""
    return KeyRing.create(tmp_path_factory.mktemp("keys") / "ring")


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_a_block_opens_as_it_was_sealed(
    ring: KeyRing, plain: bytes, purpose: str, context: str
) -> None:
    block = ring.seal(purpose, context, plain)
    assert ring.unseal(purpose, context, block) == plain
    assert ring.seal(purpose, context, plain) != block


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_any_bit_that_changes_keeps_it_shut(ring: KeyRing, place: int, bit: int) -> None:
    block = bytearray(ring.seal("contact", "cus_1", b"13800138000"))
    block[place % len(block)] ^= 1 << bit
    with pytest.raises(ValueError, match="block"):
        ring.unseal("contact", "cus_1", bytes(block))


@pytest.mark.parametrize(
    ("purpose", "context"), [("contact", "cus_2"), ("quarantine", "cus_1"), ("contact", "")]
)
def test_moved_elsewhere_it_does_not_open(ring: KeyRing, purpose: str, context: str) -> None:
    block = ring.seal("contact", "cus_1", b"13800138000")
    with pytest.raises(ValueError, match="does not open"):
        ring.unseal(purpose, context, block)


def test_another_ring_does_not_open_it(ring: KeyRing, tmp_path: Path) -> None:
    block = ring.seal("contact", "cus_1", b"13800138000")
    with pytest.raises(ValueError, match="does not open"):
        KeyRing.create(tmp_path / "other").unseal("contact", "cus_1", block)


@pytest.mark.parametrize("block", [b"", b"\x01", b"\x02" + bytes(40), b"\x01" + bytes(12)])
def test_what_is_no_block_does_not_open(ring: KeyRing, block: bytes) -> None:
    with pytest.raises(ValueError, match=r"block|Nonce"):
        ring.unseal("contact", "cus_1", block)


def test_equal_values_of_one_program_and_kind_match_and_no_others(ring: KeyRing) -> None:
    one = ring.blind_index("prg_1", "phone", "+8613800138000")
    assert ring.blind_index("prg_1", "phone", "+8613800138000") == one
    assert ring.blind_index("prg_2", "phone", "+8613800138000") != one
    assert ring.blind_index("prg_1", "email", "+8613800138000") != one
    assert ring.blind_index("prg_1", "phone", "+8613800138001") != one
    assert one.startswith("v1.")
    assert len(one) == len("v1.") + 43


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    KeyRing.create(folder)
    before = {name: (folder / name).read_bytes() for name in (ROOT, INDEX, TOKEN, PUBLIC)}
    KeyRing.create(folder)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert {(folder / name).stat().st_mode & 0o777 for name in (ROOT, INDEX, TOKEN)} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    public = json.loads(before[PUBLIC])["keys"][0]
    assert public["alg"] == "EdDSA"
    assert "d" not in public


def test_a_key_that_others_can_read_means_no_start(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    KeyRing.create(folder)
    (folder / ROOT).chmod(0o640)
    with pytest.raises(Misconfigured, match="chmod 600"):
        KeyRing.open(folder)


def test_a_missing_key_means_no_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="shuke keys init"):
        KeyRing.open(tmp_path)


@pytest.mark.parametrize("pattern", [ROOT, INDEX, TOKEN, "kek.*.key", "contact.*.pub"])
def test_no_keys_no_start(tmp_path: Path, pattern: str) -> None:
    """Of every kind that something is sealed, found or signed with."""
    folder = tmp_path / "keys"
    KeyRing.create(folder)
    for path in folder.glob(pattern):
        path.unlink()
    with pytest.raises(Misconfigured, match="shuke keys init"):
        KeyRing.open(folder)
    KeyRing.open(KeyRing.create(folder).folder)


@pytest.mark.parametrize("pattern", ["kek.*.key", "contact.*.key"])
def test_keys_of_people_are_read_by_their_owner_alone(tmp_path: Path, pattern: str) -> None:
    folder = tmp_path / "keys"
    KeyRing.create(folder)
    next(iter(folder.glob(pattern))).chmod(0o644)
    with pytest.raises(Misconfigured, match="chmod 600"):
        KeyRing.open(folder)


def test_a_newer_index_key_hashes_and_the_older_one_is_looked_up_by(tmp_path: Path) -> None:
    folder = KeyRing.create(tmp_path / "keys").folder
    old = KeyRing.open(folder).blind_index("prg_1", "phone", "+8613800138000")
    index_keys.make(folder, 2)
    ring = KeyRing.open(KeyRing.create(folder).folder)
    new, older = ring.blind_indexes("prg_1", "phone", "+8613800138000")
    assert (older, new[:3], ring.newest_index) == (old, "v2.", 2)
    assert ring.blind_index("prg_1", "phone", "+8613800138000") == new
    assert index_keys.path_of(folder, 2).stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_gone_is_looked_up_by_no_more(tmp_path: Path) -> None:
    folder = KeyRing.create(tmp_path / "keys").folder
    gone = (folder / INDEX).read_bytes()
    index_keys.make(folder, 2)
    assert index_keys.retire(folder) == [1]
    assert not any(gone in path.read_bytes() for path in folder.iterdir())
    (only,) = KeyRing.open(folder).blind_indexes("prg_1", "phone", "+8613800138000")
    assert only.startswith("v2.")
    assert index_keys.retire(folder) == []
    KeyRing.create(folder)
    assert index_keys.numbers(folder) == [2]


def test_a_newer_index_key_is_seen_by_whoever_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing.create(tmp_path / "keys")
    assert ring.newest_index == 1
    index_keys.make(ring.folder, 2)
    later = monotonic() + index_keys.LOOK_SECONDS
    monkeypatch.setattr(index_keys, "monotonic", lambda: later)
    assert ring.newest_index == 2
