"""What speaks against keeping a decoration, and what against showing it to everybody.

| what | kept | published |
|---|---|---|
| fewer than 4 rights | `too-few-rights` | |
| more than 3 posters, or 8 entries of the grid | `too-many` | |
| a right or an entry that is there twice | `twice` | |
| join text over 4,500 characters, module text over 13 | `text-too-long` | |
| no join text; a module of one's own text without it | | `required` |
"""

from collections.abc import Iterator, Sequence
from typing import Final

from services.gateway.decoration.model import Use
from services.gateway.decoration.rules.counting import characters
from services.gateway.decoration.settings import Decoration, Image
from shared.errors import FieldError

FEWEST_RIGHTS: Final = 4
MOST_POSTERS: Final = 3
MOST_ENTRIES: Final = 8
JOIN_CHARACTERS: Final = 4_500
MODULE_CHARACTERS: Final = 13


def against_keeping(body: Decoration) -> list[FieldError]:
    """What must not even be a draft."""
    return [
        *_fewer("/benefits", body.benefits, FEWEST_RIGHTS),
        *_twice("/benefits", body.benefits),
        *_more("/posters", body.posters, MOST_POSTERS),
        *_more("/entries", body.entries, MOST_ENTRIES),
        *_twice("/entries", body.entries),
        *_longer("/join/text", body.join.text, JOIN_CHARACTERS),
        *_longer("/module/text", body.module.text, MODULE_CHARACTERS),
    ]


def against_publishing(body: Decoration, _before: Decoration | None) -> list[FieldError]:
    """What a draft may lack, and what is published may not."""
    lacking = [] if body.join.text.strip() else ["/join/text"]
    if body.module.mode == "custom" and not body.module.text.strip():
        lacking.append("/module/text")
    return [FieldError(pointer, "required", "must not be empty") for pointer in lacking]


def pictures(body: Decoration) -> Iterator[tuple[str, Use, Image]]:
    """The pictures of a decoration: where each is named, and what for."""
    if body.card.image is not None:
        yield "/card/image", "card", body.card.image
    for place, poster in enumerate(body.posters):
        yield f"/posters/{place}/image", "poster", poster.image
    if body.module.image is not None:
        yield "/module/image", "module", body.module.image


def _fewer(pointer: str, listed: Sequence[object], fewest: int) -> Iterator[FieldError]:
    if len(set(listed)) < fewest:
        yield FieldError(pointer, "too-few-rights", f"at least {fewest} rights must be on")


def _more(pointer: str, listed: Sequence[object], most: int) -> Iterator[FieldError]:
    if len(listed) > most:
        yield FieldError(pointer, "too-many", f"at most {most}; these are {len(listed)}")


def _twice(pointer: str, listed: Sequence[str]) -> Iterator[FieldError]:
    for place, each in enumerate(listed):
        if each in listed[:place]:
            yield FieldError(f"{pointer}/{place}", "twice", f"{each} is there already")


def _longer(pointer: str, text: str, most: int) -> Iterator[FieldError]:
    found = characters(text)
    if found > most:
        yield FieldError(pointer, "text-too-long", f"at most {most} characters; these are {found}")
