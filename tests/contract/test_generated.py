"""Files that are generated are current."""

from difflib import unified_diff

from shuke.generate import ROOT, documents, stale


def test_generated_files_are_current() -> None:
    """Whoever changes the catalogue, a route or a variable runs `make generate`."""
    assert _differences(stale()) == []


def _differences(names: list[str]) -> list[str]:
    """Lines that differ in the files of these names, so that a red run tells what is stale."""
    wanted = dict(documents())
    lines: list[str] = []
    for name in names:
        path = ROOT / name
        found = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        lines += unified_diff(found, wanted.get(name, "").splitlines(), name, "made anew", n=0)
    return lines
