"""Heads of the audit's chain outside the database: there a tail that was cut off is missed.

`SERVICE.heads` gets a line `seq hash at` whenever entries were sealed, `SERVICE.days` the last one
of each day (UTC). Both are only added to; a folder holds what its own workers sealed.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from shared.audit.chain import Head
from shared.days import render
from shared.kept_lines import append

FOLDER: Final = "audit"
"""Its name in the data folder."""
_TAIL_BYTES: Final = 1_000


class Heads:
    """The heads of one service that a data folder holds."""

    def __init__(self, data: Path, service: str) -> None:
        self._folder = data / FOLDER
        self._heads = self._folder / f"{service}.heads"
        self._days = self._folder / f"{service}.days"

    def add(self, head: Head) -> None:
        """Write a head down for good; the first of a day keeps the last of the day before, too."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = self._last()
        if before is not None and before.at.date() < head.at.date():
            _append(self._days, before)
        _append(self._heads, head)

    def read(self) -> list[Head]:
        """All heads that are known."""
        return [head for path in (self._heads, self._days) for head in _read(path)]

    def _last(self) -> Head | None:
        if not self._heads.exists():
            return None
        with self._heads.open("rb") as file:
            file.seek(max(0, self._heads.stat().st_size - _TAIL_BYTES))
            found = list(_parsed(file.read()))
        return found[-1] if found else None


def _append(path: Path, head: Head) -> None:
    append(path, f"{head.seq} {head.hash.hex()} {render(head.at)}")


def _read(path: Path) -> Iterator[Head]:
    yield from _parsed(path.read_bytes()) if path.exists() else ()


def _parsed(raw: bytes) -> Iterator[Head]:
    for line in raw.decode("ascii", "replace").splitlines():
        parts = line.split()
        try:
            seq, digest, at = parts
            yield Head(int(seq), bytes.fromhex(digest), datetime.fromisoformat(at))
        except ValueError:
            continue  # cut short by a crash, or by the window of `_last`
