"""What the demo adds to the recorded orders, by hashes: the same at every run, labelled as added.

Of the baskets 3% are sent again after all orders, and of 2% the dearest line is refunded three days
later; households check in on 20% of the days on which they buy. Keys are hashed as recorded.

>>> share("repeat", "31198655051") < 10_000
True
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from shuke.demo.baskets import Basket

REPEATED, REFUNDED, CHECKED_IN = 300, 200, 2_000
"""Parts of ten thousand."""
REFUND_AFTER: Final = timedelta(days=3)


class Refund(Struct, frozen=True):
    """A whole line given back. `line` counts from 0."""

    basket: Basket
    line: int
    at: datetime


class CheckIn(Struct, frozen=True):
    """A household's check-in, at its first basket of the day."""

    household: str
    at: datetime


class Extras(Struct, frozen=True):
    """What is added to the baskets of a file."""

    repeated: Sequence[Basket] = ()
    refunds: Sequence[Refund] = ()
    check_ins: Sequence[CheckIn] = ()


def share(word: str, key: str) -> int:
    """The place of a key between 0 and 9,999, by a hash with a word of its own."""
    digest = hashlib.sha256(f"{word}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000


def choose(baskets: Sequence[Basket]) -> Extras:
    """What is added to these baskets, which are in the order of time."""
    return Extras(
        [basket for basket in baskets if share("repeat", basket.id) < REPEATED],
        [refund for basket in baskets if (refund := _refund(basket)) is not None],
        _check_ins(baskets),
    )


def _refund(basket: Basket) -> Refund | None:
    if share("refund", basket.id) >= REFUNDED:
        return None
    dearest = max(range(len(basket.lines)), key=lambda place: basket.lines[place].net_minor)
    if basket.lines[dearest].net_minor == 0:
        return None
    return Refund(basket, dearest, basket.at + REFUND_AFTER)


def _check_ins(baskets: Sequence[Basket]) -> list[CheckIn]:
    first: dict[str, Basket] = {}
    for basket in baskets:
        first.setdefault(f"{basket.household}/{basket.at:%Y-%m-%d}", basket)
    return [
        CheckIn(basket.household, basket.at)
        for key, basket in first.items()
        if share("check-in", key) < CHECKED_IN
    ]
