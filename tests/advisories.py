"""Known weaknesses of the libraries that are pinned: `make audit`.

Each list of requirements is looked up, not what happens to be installed. A weakness that does not
concern us stands in EXPLAINED with the reason; one that is gone must go from there.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
LISTS: Final = ("app", "box", "dev")
EXPLAINED: Final[Mapping[str, str]] = {}
"""By the advisory's id, why it does not concern Shuke."""
FOUND: Final = 1


def weaknesses(name: str) -> list[tuple[str, str, str]] | None:
    """Library, version and advisory of a list; None: nobody could be asked."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pip_audit", "--requirement", f"requirements/{name}.txt",
            "--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off",
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.stdout.strip():
        sys.stderr.write(f"{done.stderr[-600:]}\n")
        return None
    told: dict[str, Any] = json.loads(done.stdout)
    return [
        (each["name"], each["version"], advisory["id"])
        for each in told["dependencies"]
        for advisory in each.get("vulns", ())
    ]


def main() -> int:
    """Exit 1 when a library has a weakness that is not explained."""
    seen: set[str] = set()
    bad, whole = False, True
    for name in LISTS:
        found = weaknesses(name)
        if found is None:
            sys.stdout.write(
                f"audit: NOT DONE for requirements/{name}.txt: no advisories could be had "
                "(is there a network?); the reason is above\n"
            )
            whole = False
            continue
        for library, version, advisory in found:
            why = EXPLAINED.get(advisory)
            seen.add(advisory)
            bad |= why is None
            sys.stdout.write(f"{library} {version} {advisory}: {why or 'NOT EXPLAINED'}\n")
        sys.stdout.write(f"audit: requirements/{name}.txt: {len(found)} found\n")
    for advisory in sorted(EXPLAINED.keys() - seen) if whole else ():
        bad = True
        sys.stdout.write(f"{advisory}: explained, and there no more\n")
    return FOUND if bad else 0


if __name__ == "__main__":
    sys.exit(main())
