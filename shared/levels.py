"""How much of a kind of personal fields somebody sees."""

from typing import Literal

FieldLevel = Literal["hidden", "masked", "reveal", "clear"]
"""Nothing; masked; masked until it is revealed for a reason; all of it."""
