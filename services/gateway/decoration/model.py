"""Values of decoration: what pictures are for."""

from typing import Literal

from msgspec import Struct

Use = Literal["card", "poster", "module"]
"""What a picture is for."""
Kind = Literal["jpg", "png"]
"""What a picture is, by its content."""


class Shape(Struct, frozen=True):
    """What a picture must be."""

    width: int
    height: int
    most_bytes: int
    kinds: tuple[Kind, ...]


class Picture(Struct, frozen=True):
    """A picture as it is kept and served."""

    file: str
    """SHA-256 of its bytes, and what it is."""
    use: Use
    body: bytes

    def __repr__(self) -> str:
        return f"Picture({self.file})"
