"""The file of an export: one JSON of everything, and a CSV for each table. Pure.

Rows of a service are told as they are kept, so that nothing is left out by an oversight.
"""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

Tables = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by table."""
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""
_SAME: Final = (2026, 1, 1, 0, 0, 0)
"""Time of every file in the archive: equal contents are equal bytes."""


def pack(about: Mapping[str, str], services: Mapping[str, Tables]) -> bytes:
    """A ZIP of `export.json` and `<service>/<table>.csv`. `about`: who, when, which program."""
    whole = msgspec.json.format(msgspec.json.encode({**about, "services": services}), indent=1)
    files = {"export.json": whole}
    for service, tables in services.items():
        for table, rows in tables.items():
            if rows:
                files[f"{service}/{table}.csv"] = as_csv(rows)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _SAME), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV in UTF-8 with a mark, as spreadsheets want it.

    >>> as_csv([{"a": 1, "b": None}, {"a": "=1+1", "b": [2]}]).decode("utf-8-sig").split()
    ['a,b', '1,', "'=1+1,[2]"]
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(names)
    writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return target.getvalue().encode("utf-8-sig")


def _cell(value: object) -> str:
    """A value as text that no spreadsheet executes; a number stays one."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.startswith(FORMULA) else text
