"""Integer arithmetic of money, points and rates. Every rounding in Shuke goes through this file.

Amounts are minor units, rates basis points (10,000 = 1), points whole units. No float ever.
"""

from collections.abc import Sequence
from typing import Final

BASIS_POINTS: Final = 10_000


def floor_share(amount: int, numerator: int, denominator: int) -> int:
    """`amount * numerator / denominator`, rounded down (also below zero).

    >>> floor_share(3, 15000, 10000)
    4
    """
    return amount * numerator // denominator


def half_up(numerator: int, denominator: int) -> int:
    """Quotient rounded half away from zero.

    >>> half_up(25, 10), half_up(-25, 10), half_up(24, 10)
    (3, -3, 2)
    """
    quotient, rest = divmod(abs(numerator), denominator)
    quotient += rest * 2 >= denominator
    return quotient if numerator >= 0 else -quotient


def toward_zero(numerator: int, denominator: int) -> int:
    """Quotient cut toward zero: what an amount and its reversal share.

    >>> toward_zero(7, 2), toward_zero(-7, 2)
    (3, -3)
    """
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def allocate(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split `total` ≥ 0 in proportion to `weights` ≥ 0, exactly, by largest remainder.

    Shares are floors; the units left over go to the largest remainders, ties to the earlier
    weight. With only zero weights the first gets all. One share per weight, same order.

    >>> allocate(889, [59960, 29000])
    (599, 290)
    >>> allocate(1000, [3333, 3333, 3334])
    (333, 333, 334)
    """
    if not weights:
        return ()
    if total == 0:
        return (0,) * len(weights)
    whole = sum(weights)
    if whole == 0:
        return (total, *([0] * (len(weights) - 1)))
    shares = [total * weight // whole for weight in weights]
    left = total - sum(shares)
    if left == 0:
        return tuple(shares)
    by_rest = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for index in by_rest[:left]:
        shares[index] += 1
    return tuple(shares)
