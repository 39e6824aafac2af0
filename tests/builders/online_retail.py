"""Invoices of UCI Online Retail, by the recipe of the published exercise; amounts in pence."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

YEARS: Final = {
    "year_2010_2011": ("online_retail_2010_2011.parquet", 891_140_790),
    "year_2009_2010": ("online_retail_II_2009_2010.parquet", 883_200_326),
}
"""File of a year, and the sum of all lines, each rounded to a penny."""
SHIPPING: Final = frozenset({"POST", "DOT", "C2"})
FEES: Final = frozenset({
    "M", "D", "B", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "ADJUST", "ADJUST2",
})  # fmt: skip
_WORDS: Final = {
    "loyal_customers": "loyal",
    "potential_loyalists": "potential-loyalists",
    "new_customers": "new",
    "need_attention": "need-attention",
    "about_to_sleep": "about-to-sleep",
    "at_Risk": "at-risk",
    "cant_loose": "cannot-lose",
}
"""The exercise's names of segments, where they are not ours."""


class Sold(Struct, frozen=True):
    """A row of an invoice."""

    code: str
    quantity: int
    pence: int


class Invoice(Struct, frozen=True):
    """What a customer bought at once, at the last of the invoice's times."""

    number: str
    customer: int
    at: datetime
    lines: Sequence[Sold]

    @property
    def pence(self) -> int:
        """Total, shipping and fees included."""
        return sum(line.pence for line in self.lines)


class Year(Struct, frozen=True):
    """A year of the shop: what was sold, what the loader saw, what the exercise comes to."""

    invoices: Sequence[Invoice]
    seen: Counter[str]
    at: datetime
    """The instant of analysis."""
    expected: dict[str, Any]
    segments: dict[str, int]
    totals: dict[str, Any]
    """Totals of the file, where the reference has them."""


def year(larger_data: Path, name: str) -> Year:
    """One of YEARS, from the folder of the larger data sets."""
    folder = larger_data / "online-retail"
    reference = json.loads((folder / "reference_values.json").read_text(encoding="utf-8"))
    expected = reference[name]
    invoices, seen = _read(folder / YEARS[name][0])
    on = date.fromisoformat(expected["analysis_date"])
    return Year(
        invoices,
        seen,
        datetime(on.year, on.month, on.day, tzinfo=UTC),
        expected,
        {_WORDS.get(word, word): count for word, count in expected["segments"].items()},
        reference.get(name.replace("year", "totals"), {}),
    )


def _read(path: Path) -> tuple[list[Invoice], Counter[str]]:
    from pyarrow import parquet

    seen: Counter[str] = Counter()
    found: dict[str, list[dict[str, Any]]] = {}
    customers, numbers, cancelled = set(), set(), set()
    columns = [
        "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice",
        "CustomerID",
    ]  # fmt: skip
    for batch in parquet.read_table(path, columns=columns).to_batches():
        for row in batch.to_pylist():
            number, who = row["InvoiceNo"], row["CustomerID"]
            seen["rows"] += 1
            numbers.add(number)
            customers.add(who)
            seen["null_customer_rows"] += who is None
            if "C" in number:
                cancelled.add(number)
                seen["cancellation_lines"] += 1
            elif who is not None and row["Description"] is not None:
                seen["kept"] += 1
                found.setdefault(number, []).append(row)
    seen["customers"] = len(customers - {None})
    seen["invoices"] = len(numbers)
    seen["cancellation_invoices"] = len(cancelled)
    return [_invoice(number, rows) for number, rows in found.items()], seen


def _invoice(number: str, rows: Sequence[dict[str, Any]]) -> Invoice:
    at = max(row["InvoiceDate"] for row in rows).replace(tzinfo=UTC)
    lines = [
        Sold(row["StockCode"], row["Quantity"], _pence(row["Quantity"], row["UnitPrice"]))
        for row in rows
    ]
    return Invoice(number, int(rows[0]["CustomerID"]), at, lines)


def _pence(quantity: int, price: float) -> int:
    """A line's amount, rounded half up."""
    amount = Decimal(str(price)) * quantity * 100
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
