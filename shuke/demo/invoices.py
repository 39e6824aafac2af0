"""Invoices of UCI Online Retail as orders, refunds and check-ins. Pure but for reading the file.

The shop's own lines say neither what is freight nor which purchase a cancellation gives back:

| rows | become |
|---|---|
| an invoice | an order at its first minute, of the lines that sold something |
| `POST`, `DOT`, `C2` | freight |
| `M`, `D`, `B`, `S`, bank charges and the like | fees |
| `gift_…` | gift cards |
| an invoice `C…` | refunds: each line of the newest earlier purchases of customer and product |
| what of it no purchase matches | one refund of an amount, without order |
| an invoice `A…`, a cancellation without customer | nothing |
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct

from shared.currencies import minor
from shared.errors import Misconfigured

CURRENCY: Final = "GBP"
FREIGHT: Final = frozenset({"POST", "DOT", "C2"})
FEES: Final = frozenset({
    "M", "m", "D", "B", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS",
})  # fmt: skip
COLUMNS: Final = (
    "InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
)  # fmt: skip
Kind = Literal["goods", "fee", "gift-card", "freight"]


class Sold(Struct, frozen=True):
    """A row of an invoice: `number` within it, amounts in pence."""

    number: int
    code: str
    quantity: int
    pence: int

    @property
    def kind(self) -> Kind:
        """What was sold."""
        if self.code in FREIGHT:
            return "freight"
        if self.code in FEES:
            return "fee"
        return "gift-card" if self.code.startswith("gift_") else "goods"


class Invoice(Struct, frozen=True):
    """An order. `at` is as recorded, in London."""

    number: str
    customer: str | None
    at: datetime
    lines: Sequence[Sold]

    @property
    def freight(self) -> int:
        """Pence of its freight."""
        return sum(line.pence for line in self.lines if line.kind == "freight")

    @property
    def sold(self) -> Sequence[Sold]:
        """Its lines without freight; where nothing is left of an order, freight for nothing."""
        return [line for line in self.lines if line.kind != "freight"] or (
            [] if self.freight else self.lines
        )


class Back(Struct, frozen=True):
    """A refund of one order, or of none that is known."""

    number: str
    customer: str
    at: datetime
    order: str | None
    lines: Sequence[Sold]
    """Of the order's lines, what came back of each."""
    amount: int
    """Pence that no line of a purchase matches."""

    @property
    def identity(self) -> str:
        """Its id: cancellation and order."""
        return f"{self.number}:{self.order or '-'}"


class Retail(Struct, frozen=True):
    """What a file holds."""

    rows: int
    skipped: int
    """Invoices of which no line was left."""
    invoices: Sequence[Invoice]
    refunds: Sequence[Back]

    @property
    def check_ins(self) -> list[tuple[str, date]]:
        """Customers with the days on which they bought."""
        return sorted({(i.customer, i.at.date()) for i in self.invoices if i.customer is not None})


class _Row(Struct, frozen=True):
    place: int
    number: int
    code: str
    quantity: int
    price: Decimal
    at: datetime
    customer: str | None

    def pence(self, quantity: int) -> int:
        """What so many cost, rounded half up."""
        return minor(self.price * quantity, CURRENCY)


def read(path: Path) -> Retail:
    """All invoices of a file (CSV, gzipped or not, or Parquet). Raises Misconfigured."""
    found: dict[str, list[_Row]] = {}
    count = 0
    for place, row in enumerate(_rows(path)):
        count += 1
        rows = found.setdefault(row["InvoiceNo"], [])
        rows.append(_row(path, place, len(rows) + 1, row))
    if not found:
        raise Misconfigured(f"{path} holds no invoices")
    invoices, skipped = [], 0
    for number, rows in found.items():
        if number[0] in "CA":
            continue
        sold = [
            Sold(row.number, row.code, row.quantity, row.pence(row.quantity))
            for row in rows
            if row.quantity > 0
        ]
        if sold:
            invoices.append(Invoice(number, rows[0].customer, rows[0].at, sold))
        else:
            skipped += 1
    return Retail(count, skipped, invoices, _refunds(found))


def _refunds(found: Mapping[str, Sequence[_Row]]) -> list[Back]:
    """Cancellations against purchases, in the order of minute, purchases first, file."""
    moves = [
        (rows[0].at, number[0] == "C", row.place, number, row)
        for number, rows in found.items()
        for row in rows
        if number[0] != "A" and row.customer and (number[0] == "C" or row.quantity > 0)
    ]
    moves.sort(key=lambda move: move[:3])
    bought: dict[tuple[str | None, str], list[tuple[str, _Row, int]]] = defaultdict(list)
    lines: dict[tuple[str, str | None], Counter[Sold]] = defaultdict(Counter)
    amounts: Counter[tuple[str, str | None]] = Counter()
    for _, cancels, _, number, row in moves:
        stock = bought[row.customer, row.code]
        if not cancels:
            stock.append((number, row, row.quantity))
            continue
        left = -row.quantity
        while left > 0 and stock:
            order, purchase, quantity = stock.pop()
            taken = min(left, quantity)
            part = Sold(purchase.number, row.code, taken, row.pence(taken))
            lines[number, order][part] += 1
            left -= taken
            if taken < quantity:
                stock.append((order, purchase, quantity - taken))
        if left > 0:
            amounts[number, None] += row.pence(left)
    return [
        Back(
            number=number,
            customer=str(found[number][0].customer),
            at=found[number][0].at,
            order=order,
            lines=_joined(lines[number, order]),
            amount=amounts[number, order],
        )
        for number, order in sorted({*lines, *amounts}, key=lambda key: (key[0], key[1] or ""))
    ]


def _joined(parts: Mapping[Sold, int]) -> list[Sold]:
    """Parts of one line that came back in several rows, as one."""
    quantities: Counter[tuple[int, str]] = Counter()
    pence: Counter[tuple[int, str]] = Counter()
    for part, times in parts.items():
        quantities[part.number, part.code] += part.quantity * times
        pence[part.number, part.code] += part.pence * times
    return [Sold(*key, quantity, pence[key]) for key, quantity in sorted(quantities.items())]


def _row(path: Path, place: int, number: int, row: Mapping[str, Any]) -> _Row:
    try:
        at = row["InvoiceDate"]
        customer = row["CustomerID"]
        return _Row(
            place=place,
            number=number,
            code=str(row["StockCode"]),
            quantity=int(row["Quantity"]),
            price=Decimal(str(row["UnitPrice"])),
            at=at if isinstance(at, datetime) else datetime.fromisoformat(at),
            customer=str(int(float(customer))) if customer not in {None, ""} else None,
        )
    except (ValueError, TypeError, InvalidOperation) as error:
        raise Misconfigured(f"{path}, row {place + 2}: {error}") from error


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix == ".parquet":
        return _parquet(path)
    return _csv(path)


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            _need(path, reader.fieldnames or ())
            yield from reader
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"cannot read {path}: {error}") from error


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise Misconfigured("Parquet needs pyarrow: pip install 'shuke[demo]'") from error
    try:
        table = parquet.read_table(path)
    except (OSError, ArrowException) as error:
        raise Misconfigured(f"cannot read {path}: {error}") from error
    _need(path, table.column_names)
    for batch in table.select(list(COLUMNS)).to_batches():
        yield from batch.to_pylist()


def _need(path: Path, columns: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise Misconfigured(f"{path} has no column {missing[0]}; it needs {', '.join(COLUMNS)}")
