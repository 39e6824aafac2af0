"""Shares and averages of the home page. Rounded down; of nothing they are 0.

| figure | is |
|---|---|
| average order (客单价) | gross / orders |
| orders per buyer | orders that have a buyer / buyers; a guest is no buyer |
| repeat share | buyers with a 2nd or later order / buyers |
| purchase share | points issued for orders / points issued |

>>> quotient(124960, 3)
41653
>>> share_bp(3, 1), share_bp(1339, 1344), share_bp(0, 0)
(30000, 9962, 0)
"""

from shared.amounts import BASIS_POINTS, floor_share


def quotient(amount: int, count: int) -> int:
    """An amount per piece, rounded down."""
    return floor_share(amount, 1, count) if count else 0


def share_bp(part: int, whole: int) -> int:
    """A part of a whole in basis points, rounded down."""
    return floor_share(part, BASIS_POINTS, whole) if whole else 0
