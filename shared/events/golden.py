"""The golden examples as values: what an event of each type looks like."""

import json
from pathlib import Path
from typing import Any, Final

from shared.events.catalogue import EventType

_FOLDER: Final = Path(__file__).parent / "examples"


def example(line: EventType) -> dict[str, Any]:
    """An example of a type: `plain` where there is one, else the first by name."""
    folder = _FOLDER / f"{line.name}.v{line.version}"
    paths = sorted(folder.glob("*.json"), key=lambda path: (path.stem != "plain", path.stem))
    value: dict[str, Any] = json.loads(paths[0].read_text(encoding="utf-8"))
    return value
