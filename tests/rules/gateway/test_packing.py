"""The file of an export: equal contents are equal bytes, and no spreadsheet runs what is in it."""

import csv
import io
import json
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.exports.packing import FORMULA, as_csv, pack

CELLS = st.one_of(st.none(), st.integers(), st.text(max_size=20), st.lists(st.text(max_size=3)))
ROWS = st.lists(st.fixed_dictionaries({"a": CELLS, "b": CELLS}), min_size=1, max_size=5)


def test_tables_without_rows_are_in_the_json_alone() -> None:
    services = {"points": {"entry": [{"amount": 5}], "lot": []}}
    archive = zipfile.ZipFile(io.BytesIO(pack({"member_id": "mem_1"}, services)))
    assert archive.namelist() == ["export.json", "points/entry.csv"]
    whole = json.loads(archive.read("export.json"))
    assert whole == {"member_id": "mem_1", "services": services}


@given(ROWS)
def test_every_row_is_a_line_and_no_cell_begins_a_formula(rows: list[dict[str, object]]) -> None:
    lines = list(csv.reader(io.StringIO(as_csv(rows).decode("utf-8-sig"), newline="")))
    assert len(lines) == len(rows) + 1
    for row, line in zip(rows, lines[1:], strict=True):
        for value, cell in zip((row[name] for name in lines[0]), line, strict=True):
            assert isinstance(value, int) or not cell.startswith(FORMULA)


def test_equal_contents_are_equal_bytes() -> None:
    services = {"points": {"entry": [{"amount": 5}]}}
    assert pack({"a": "b"}, services) == pack({"a": "b"}, services)
