"""What a picture must be: exactly of its size, of a kind that its place takes, not too heavy.

| place | size | kinds | at most |
|---|---|---|---|
| card | 1404 × 700 | JPG, PNG | 2 MB |
| poster | 1402 × 400 | JPG | 500 KB |
| module | 702 × 110 | JPG, PNG | 500 KB |

1 MB is 1,048,576 bytes, 1 KB 1,024. Kind and size are those of the content, read from its head:
what is not exactly of its size is never decoded, however many pixels it claims to have.
"""

from collections.abc import Mapping
from typing import Final

from services.gateway.decoration.model import Kind, Shape, Use
from shared.outcome import Refused

_KB: Final = 1_024
SHAPES: Final[Mapping[Use, Shape]] = {
    "card": Shape(1404, 700, 2 * _KB * _KB, ("jpg", "png")),
    "poster": Shape(1402, 400, 500 * _KB, ("jpg",)),
    "module": Shape(702, 110, 500 * _KB, ("jpg", "png")),
}


def refusal(use: Use, kind: Kind | None, width: int, height: int) -> Refused | None:
    """Why a picture is not taken; None: it is.

    >>> refusal("card", "png", 1404, 701).code
    'image-size'
    """
    shape = SHAPES[use]
    if kind not in shape.kinds:
        wanted = " or ".join(each.upper() for each in shape.kinds)
        return Refused("image-type", f"A {use} is a {wanted}, whatever its name says.", 422)
    if (width, height) != (shape.width, shape.height):
        wanted = f"{shape.width} × {shape.height}"
        return Refused("image-size", f"A {use} is {wanted}; this is {width} × {height}.", 422)
    return None
