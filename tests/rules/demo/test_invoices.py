"""Invoices of UCI Online Retail: what is an order, what freight, what a cancellation gives back."""

import gzip
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Misconfigured
from shuke.demo import retail
from shuke.demo.invoices import COLUMNS, Back, Retail, read

Write = Callable[..., Path]
MORNING, NOON, EVENING = "2011-11-01 08:00", "2011-11-01 12:00", "2011-11-01 20:00"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A file of rows: invoice, code, quantity, date, price, customer."""

    def written(*rows: tuple[str, str, int, str, str, str]) -> Path:
        path = tmp_path / "invoices.csv"
        lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return written


def parts(back: Back) -> tuple[str, list[tuple[int, int, int]], int]:
    """Identity, lines as number, quantity and pence, and what no line matches."""
    return back.identity, [(s.number, s.quantity, s.pence) for s in back.lines], back.amount


def test_an_invoice_is_an_order_at_its_first_minute(write: Write) -> None:
    found = read(
        write(
            ("1", "TEA", 2, MORNING, "1.255", "17850.0"),
            ("1", "TEA", 2, NOON, "1.255", "17850.0"),
            ("1", "CUP", 0, NOON, "9", "17850.0"),
            ("1", "CUP", -1, NOON, "9", "17850.0"),
            ("2", "TEA", 1, NOON, "0", ""),
        )
    )
    first, second = found.invoices
    assert (first.number, first.customer, f"{first.at:%H:%M}") == ("1", "17850", "08:00")
    # Equal rows are two lines; each is rounded by itself.
    assert [(line.number, line.pence) for line in first.lines] == [(1, 251), (2, 251)]
    assert second.customer is None
    assert (found.rows, found.skipped) == (5, 0)


def test_what_is_left_empty_is_skipped_and_adjustments_are_nothing(write: Write) -> None:
    found = read(
        write(
            ("1", "TEA", -1, MORNING, "1", "1"),
            ("A2", "B", 1, MORNING, "-11062.06", ""),
            ("3", "TEA", 1, MORNING, "1", "1"),
        )
    )
    assert ([invoice.number for invoice in found.invoices], found.skipped) == (["3"], 1)


def test_freight_fees_and_gift_cards_are_told_by_their_codes(write: Write) -> None:
    codes = ("POST", "DOT", "C2", "M", "BANK CHARGES", "gift_0001_20", "85123A", "PADS")
    found = read(write(*(("1", code, 1, MORNING, "1", "1") for code in codes)))
    (invoice,) = found.invoices
    assert [line.kind for line in invoice.lines] == [
        "freight", "freight", "freight", "fee", "fee", "gift-card", "goods", "fee",
    ]  # fmt: skip
    assert invoice.freight == 300
    assert len(invoice.sold) == 5


def test_an_order_of_freight_for_nothing_keeps_its_line(write: Write) -> None:
    """An order must have a line or cost something to send."""
    free, paid = read(
        write(("1", "POST", 1, MORNING, "0", "1"), ("2", "POST", 1, MORNING, "3", "1"))
    ).invoices
    assert (len(free.sold), free.freight) == (1, 0)
    assert (len(paid.sold), paid.freight) == (0, 300)


def test_a_cancellation_gives_back_the_newest_purchases_first(write: Write) -> None:
    found = read(
        write(
            ("1", "TEA", 3, MORNING, "2", "1"),
            ("2", "TEA", 2, NOON, "2", "1"),
            ("C3", "TEA", -4, EVENING, "2", "1"),
        )
    )
    assert [parts(back) for back in found.refunds] == [
        ("C3:1", [(1, 2, 400)], 0),
        ("C3:2", [(1, 2, 400)], 0),
    ]


def test_what_no_purchase_matches_is_an_amount_without_order(write: Write) -> None:
    found = read(
        write(
            ("1", "TEA", 1, MORNING, "2", "1"),
            ("1", "CUP", 1, MORNING, "5", "2"),
            ("C2", "TEA", -3, NOON, "2", "1"),
            ("C2", "CUP", -1, NOON, "5", "1"),
            ("C3", "TEA", -1, NOON, "2", ""),
            ("4", "TEA", 1, EVENING, "2", "1"),
        )
    )
    assert [parts(back) for back in found.refunds] == [
        ("C2:-", [], 900),
        ("C2:1", [(1, 1, 200)], 0),
    ]


def test_a_purchase_of_the_same_minute_comes_before_its_cancellation(write: Write) -> None:
    found = read(write(("C1", "TEA", -1, MORNING, "2", "1"), ("2", "TEA", 1, MORNING, "2", "1")))
    assert [back.identity for back in found.refunds] == ["C1:2"]


def test_rows_that_give_back_one_line_are_one(write: Write) -> None:
    found = read(
        write(
            ("1", "TEA", 5, MORNING, "2", "1"),
            ("C2", "TEA", -2, NOON, "2", "1"),
            ("C2", "TEA", -2, NOON, "2", "1"),
        )
    )
    assert [parts(back) for back in found.refunds] == [("C2:1", [(1, 4, 800)], 0)]


@given(
    st.lists(
        st.tuples(st.sampled_from("12C"), st.integers(1, 9), st.integers(0, 3)),
        min_size=1,
        max_size=12,
    )
)
def test_no_more_comes_back_than_was_bought(moves: list[tuple[str, int, int]]) -> None:
    """Of each line at most its quantity; all that was cancelled comes back somewhere."""
    rows = [
        {
            "InvoiceNo": f"{kind if kind == 'C' else ''}{place}",
            "StockCode": "TEA",
            "Quantity": -count if kind == "C" else count,
            "InvoiceDate": f"2011-11-01 0{hour}:00",
            "UnitPrice": "1",
            "CustomerID": "1",
        }
        for place, (kind, count, hour) in enumerate(moves)
    ]
    found = retail_of(rows)
    back = {invoice.number: 0 for invoice in found.invoices}
    for refund in found.refunds:
        if refund.order is not None:
            back[refund.order] += sum(line.quantity for line in refund.lines)
    bought = {each.number: sum(line.quantity for line in each.lines) for each in found.invoices}
    assert all(back[number] <= bought[number] for number in bought)
    cancelled = sum(count for kind, count, _ in moves if kind == "C")
    told = sum(each.amount + sum(line.pence for line in each.lines) for each in found.refunds)
    assert told == 100 * cancelled


def retail_of(rows: list[dict[str, object]]) -> Retail:
    """What rows come to, by a file in memory of this process alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv.gz"
        lines = [",".join(COLUMNS), *(",".join(str(row[c]) for c in COLUMNS) for row in rows)]
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
        return read(path)


def test_a_day_on_which_somebody_bought_twice_is_one_check_in(write: Write) -> None:
    found = read(
        write(
            ("1", "TEA", 1, MORNING, "1", "1"),
            ("2", "TEA", 1, EVENING, "1", "1"),
            ("3", "TEA", 1, EVENING, "1", ""),
        )
    )
    assert found.check_ins == [("1", date(2011, 11, 1))]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a,b\n1,2\n", "has no column InvoiceNo"),
        (",".join(COLUMNS) + "\n", "holds no invoices"),
        (",".join(COLUMNS) + "\n1,TEA,x,2011-11-01 08:00,1,1\n", "row 2"),
        (",".join(COLUMNS) + "\n1,TEA,1,yesterday,1,1\n", "row 2"),
    ],
)
def test_another_file_is_refused_with_the_place(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Misconfigured, match=why):
        read(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    for name in ("none.csv", "none.csv.gz", "none.parquet"):
        with pytest.raises(Misconfigured, match="cannot read"):
            read(tmp_path / name)


def test_what_is_sent_adds_up_to_what_was_read(write: Write) -> None:
    path = write(
        ("1", "TEA", 2, MORNING, "1.25", "1"),
        ("1", "POST", 1, MORNING, "3", "1"),
        ("2", "M", 1, NOON, "7", ""),
        ("C3", "TEA", -1, EVENING, "1.25", "1"),
        ("C3", "POST", -1, EVENING, "3", "1"),
    )
    what = retail.script(path, check_ins=True, as_recorded=True)
    order, guests, refund, check_in = (
        body for body in sorted(retail.told(what, timedelta()), key=lambda body: (
            ["order.completed", "refund", "check-in"].index(body["type"]), body.get("order_id", "")
        ))
    )  # fmt: skip
    assert (order["total_minor"], order["shipping_minor"], len(order["lines"])) == (550, 300, 1)
    assert "customer" not in guests
    assert guests["lines"][0]["kind"] == "fee"
    assert (refund["total_minor"], refund["shipping_minor"], refund["scope"]) == (425, 300, "lines")
    assert check_in["occurred_at"] == "2011-11-01T12:00:00+00:00"
    figures = retail.figures_of(what)
    assert (figures["total_minor"], figures["points_before_refunds"]) == (550, 2)
    assert figures["refunds_with_order_minor"] == 425


def test_batches_are_small_enough() -> None:
    bodies = iter([{"n": "x" * 100}] * (retail.BATCH + 1))
    sizes = [count for _, count in retail.in_bulk("t", bodies)]
    assert sizes == [retail.BATCH, 1]
    large = iter([{"n": "x" * (retail.BATCH_BYTES // 3)}] * 5)
    assert [count for _, count in retail.in_bulk("t", large)] == [2, 2, 1]
