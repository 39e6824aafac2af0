"""Pictures as they come, and as they are kept: made anew from what is seen, nothing besides."""

import hashlib
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from services.gateway.decoration.model import Kind, Picture, Use
from services.gateway.decoration.rules.picturing import refusal
from shared.outcome import Refused

_KINDS: Final[dict[str | None, Kind]] = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png"}
"""MPO is a JPG with further pictures behind it, which are left behind."""
_ORIENTATION: Final = 0x0112
_LYING: Final = 5
"""From this orientation on a picture is shown with width and height exchanged."""
_QUALITY: Final = 90


def remade(use: Use, body: bytes) -> Picture | Refused:
    """A picture of a use, without what its file says besides; or why it is not taken.

    Only the head is read until kind and size are known to be right.
    """
    try:
        with Image.open(BytesIO(body), formats=("JPEG", "PNG")) as image:
            kind = _KINDS.get(image.format)
            width, height = _shown_size(image)
            refused = refusal(use, kind, width, height)
            if refused is not None or kind is None:
                return refused or _UNREADABLE
            return _kept(use, kind, image)
    except UnidentifiedImageError:
        return refusal(use, None, 0, 0) or _UNREADABLE
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return _UNREADABLE


_UNREADABLE: Final = Refused("image-type", "The picture cannot be read.", 422)


def _shown_size(image: Image.Image) -> tuple[int, int]:
    lies = image.getexif().get(_ORIENTATION, 1) >= _LYING
    return (image.height, image.width) if lies else (image.width, image.height)


def _kept(use: Use, kind: Kind, image: Image.Image) -> Picture:
    upright = ImageOps.exif_transpose(image)
    out = BytesIO()
    if kind == "jpg":
        _bare(upright.convert("RGB")).save(out, "JPEG", quality=_QUALITY, optimize=True)
    else:
        _bare(upright.convert("RGBA")).save(out, "PNG", optimize=True)
    made = out.getvalue()
    return Picture(f"{hashlib.sha256(made).hexdigest()}.{kind}", use, made)


def _bare(image: Image.Image) -> Image.Image:
    """The pixels alone: no camera, place, comment or profile goes with them."""
    image.info.clear()
    return image
