"""Files that are generated are current."""

from shuke.generate import stale


def test_generated_files_are_current() -> None:
    """Whoever changes the catalogue, a route or a variable runs `make generate`."""
    assert stale() == []
