"""Minor units of currencies, as ISO 4217 has them (which differs from what people print)."""

from decimal import Decimal
from typing import Final

from shared.amounts import half_up

USUAL: Final = 2
_OTHERS: Final[dict[int, tuple[str, ...]]] = {
    0: ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
        "VUV", "XAF", "XOF", "XPF"),
    3: ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"),
    4: ("CLF", "UYW"),
}  # fmt: skip
_DIGITS: Final = {code: places for places, codes in _OTHERS.items() for code in codes}
MOST_MINOR: Final = 10**13
_MOST_DIGITS: Final = 20
"""A value written with more is no price."""


def digits(currency: str) -> int:
    """Decimal places of a currency.

    >>> digits("JPY"), digits("CNY"), digits("KWD")
    (0, 2, 3)
    """
    return _DIGITS.get(currency, USUAL)


def minor(value: Decimal, currency: str) -> int:
    """Minor units of a decimal amount: extra zeros are fine, extra digits round half up once.

    Raises ValueError for what is no amount, or above 10^13 either way.

    >>> minor(Decimal("2.000"), "USD"), minor(Decimal("1.005"), "USD"), minor(Decimal(7), "JPY")
    (200, 101, 7)
    """
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _MOST_DIGITS:
        raise ValueError("is no amount of money")
    if value.adjusted() > _MOST_DIGITS:
        raise ValueError("is too large")
    numerator, denominator = value.as_integer_ratio()
    amount = half_up(numerator * 10 ** digits(currency), denominator)
    if abs(amount) > MOST_MINOR:
        raise ValueError("is too large")
    return amount
