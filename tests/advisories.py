"""Known weaknesses of the libraries that are pinned: `make audit`.

Each list of requirements is looked up, and what the pages ship, not what happens to be installed.
A weakness that does not concern us stands in EXPLAINED with the reason; one that is gone must go
from there.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from web.build import node_commands

ROOT: Final = Path(__file__).resolve().parents[1]
LISTS: Final = tuple(f"requirements/{name}.txt" for name in ("app", "box", "dev"))
PAGES: Final = "web/package-lock.json"
EXPLAINED: Final[Mapping[str, str]] = {}
"""By the advisory's id, why it does not concern Shuke."""
FOUND: Final = 1


Found = list[tuple[str, str, str]]
"""Library, version and advisory."""


def weaknesses(path: str) -> Found | None:
    """What is known of a list; None: nobody could be asked."""
    told = _of_pages() if path == PAGES else _of_python(path)
    return None if told is None else list(told)


def _of_python(path: str) -> Iterator[tuple[str, str, str]] | None:
    told = _asked([
        sys.executable, "-m", "pip_audit", "--requirement", path, "--require-hashes",
        "--disable-pip", "--format", "json", "--progress-spinner", "off",
    ])  # fmt: skip
    if told is None:
        return None
    return (
        (each["name"], each["version"], advisory["id"])
        for each in told["dependencies"]
        for advisory in each.get("vulns", ())
    )


def _of_pages() -> Iterator[tuple[str, str, str]] | None:
    found = node_commands()
    if found is None:
        return None
    told = _asked([*found[1], "audit", "--omit=dev", "--json", "--prefix", "web"])
    if told is None or "vulnerabilities" not in told:
        sys.stderr.write(f"{(told or {}).get('message', 'npm told nothing')}\n")
        return None
    return (
        (name, each["range"], advisory["url"].rpartition("/")[2])
        for name, each in told["vulnerabilities"].items()
        for advisory in each["via"]
        if isinstance(advisory, dict)
    )


def _asked(words: Sequence[str]) -> dict[str, Any] | None:
    """What a tool tells as JSON; None where it tells nothing."""
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        sys.stderr.write(f"{done.stderr[-600:]}\n")
        return None
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> int:
    """Exit 1 when a library has a weakness that is not explained."""
    seen: set[str] = set()
    bad, whole = False, True
    for path in (*LISTS, PAGES):
        found = weaknesses(path)
        if found is None:
            sys.stdout.write(
                f"audit: NOT DONE for {path}: no advisories could be had "
                "(is there a network?); the reason is above\n"
            )
            whole = False
            continue
        for library, version, advisory in found:
            why = EXPLAINED.get(advisory)
            seen.add(advisory)
            bad |= why is None
            sys.stdout.write(f"{library} {version} {advisory}: {why or 'NOT EXPLAINED'}\n")
        sys.stdout.write(f"audit: {path}: {len(found)} found\n")
    for advisory in sorted(EXPLAINED.keys() - seen) if whole else ():
        bad = True
        sys.stdout.write(f"{advisory}: explained, and there no more\n")
    return FOUND if bad else 0


if __name__ == "__main__":
    sys.exit(main())
