"""Pictures, as a designer hands them over."""

from io import BytesIO
from typing import Any

from PIL import Image


def a_picture(width: int, height: int, kind: str = "JPEG", **saved: Any) -> bytes:
    """A picture of a size; `saved` goes to the encoder, e.g. `exif`."""
    out = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, kind, **saved)
    return out.getvalue()


def of_bytes(picture: bytes, size: int) -> bytes:
    """The same picture, with so much behind it that it has a size in bytes."""
    assert len(picture) <= size
    return picture + b"\0" * (size - len(picture))
