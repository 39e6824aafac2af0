"""Baskets of a file of order lines: gzipped or plain CSV, one product of one basket per row."""

import csv
import gzip
import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from typing import Final

from msgspec import Struct

from shared.errors import Misconfigured

SHIPPED: Final = Path(__file__).parent / "data" / "complete-journey"
ORDER_LINES: Final = SHIPPED / "order_lines.csv.gz"
REFERENCE: Final = SHIPPED / "reference_values.json"
_DISCOUNTS: Final = ("retail_disc", "coupon_disc", "coupon_match_disc")
COLUMNS: Final = (
    "basket_id", "household_id", "store_id", "transaction_timestamp", "product_id", "quantity",
    "sales_value", *_DISCOUNTS,
)  # fmt: skip


class Line(Struct, frozen=True):
    """A product of a basket. Amounts in minor units; `net_minor` is what was paid."""

    product: str
    quantity: int
    net_minor: int
    discount_minor: int


class Basket(Struct, frozen=True):
    """What a household bought at once. `at` is as recorded, without a zone."""

    id: str
    household: str
    at: datetime
    lines: Sequence[Line]


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, in hex. Raises Misconfigured when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Misconfigured(f"cannot read {path}: {error.strerror}") from error


def read(path: Path) -> list[Basket]:
    """All baskets, in the order of time. Raises Misconfigured, naming the row, for another format.

    A basket's rows must stand together.
    """
    baskets: dict[str, Basket] = {}
    for identity, group in groupby(_rows(path), key=lambda row: row[1]["basket_id"]):
        rows = list(group)
        number, first = rows[0]
        if identity in baskets:
            raise Misconfigured(f"{path}, row {number}: basket {identity} began further up")
        lines = [_line(path, number, row) for number, row in rows]
        baskets[identity] = Basket(identity, first["household_id"], _at(path, number, first), lines)
    if not baskets:
        raise Misconfigured(f"{path} holds no baskets")
    return sorted(baskets.values(), key=lambda basket: basket.at)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise Misconfigured(f"{path} has no column {missing[0]}; it needs {COLUMNS}")
            yield from enumerate(reader, 2)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"cannot read {path}: {error}") from error


def _line(path: Path, number: int, row: dict[str, str]) -> Line:
    try:
        return Line(
            product=row["product_id"],
            quantity=int(row["quantity"]) or 1,
            net_minor=_minor(row["sales_value"]),
            discount_minor=sum(_minor(row[name]) for name in _DISCOUNTS),
        )
    except (ValueError, InvalidOperation, TypeError) as error:
        raise Misconfigured(f"{path}, row {number}: {error}") from error


def _minor(dollars: str) -> int:
    cents = Decimal(dollars) * 100
    if cents < 0 or cents != cents.to_integral_value():
        raise ValueError(f"{dollars} is no amount in dollars and cents")
    return int(cents)


def _at(path: Path, number: int, row: dict[str, str]) -> datetime:
    try:
        return datetime.fromisoformat(row["transaction_timestamp"]).replace(tzinfo=None)
    except ValueError as error:
        raise Misconfigured(f"{path}, row {number}: {error}") from error
