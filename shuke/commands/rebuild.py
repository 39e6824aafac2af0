"""`shuke rebuild`: a service's tables made anew, compared with those in use, perhaps swapped."""

import asyncio
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from shared.config import Config
from shared.rebuild import making
from shared.rebuild.comparing import FIRST, Compared, Difference
from shared.rebuild.making import Report
from shared.sealing import KeyRing
from shared.stream.factory import open_stream
from shuke import running
from shuke.services import chosen

_SHOWN: int = 200
"""So many characters of a value are shown."""


class From(StrEnum):
    """What the tables are made from."""

    ENTRIES = "entries"
    LOG = "log"


def rebuild(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose tables.")],
    source: Annotated[From, typer.Option("--from", help="Immutable rows, or the whole log.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Put the new tables in the place of the old.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Make a service's tables anew beside those in use, and compare. Exit 0 when they are equal.

    The service may work on meanwhile. With --apply and differences it stands still for a moment,
    the new tables take the old ones' place, and the exit is 0; the old stay under a dated name.

    Example: shuke rebuild points --from log
    """
    config: Config = context.obj
    (service,) = chosen([name])

    async def make(ready: Config) -> Report:
        async with making.workshop(service, ready.database_url_of(service.name)) as place:
            if source is From.ENTRIES:
                return await making.from_entries(place, apply=apply)
            async with open_stream(ready) as stream:
                keys = KeyRing.open(ready.keys_dir)
                return await making.from_log(place, stream, keys, apply=apply)

    with running.with_database(config) as ready:
        report = asyncio.run(make(ready))
    if as_json:
        typer.echo(json.dumps(_document(report), default=_plain))
    else:
        _tell(report)
    if not report.equal and report.kept is None:
        raise typer.Exit(1)


def _tell(report: Report) -> None:
    done = f", {report.lines} transactions done again" if report.source == "log" else ""
    typer.echo(f"{report.service} from {report.source}{done}")
    for table in report.tables:
        _tell_table(table)
    for each in report.otherwise[:FIRST]:
        typer.echo(f"✗ {each.what}: {each.then}, and now: {each.now}")
    if report.kept is not None:
        typer.echo(f"the new tables are in use; the old ones are in the schema {report.kept}")


def _tell_table(table: Compared) -> None:
    mark = "✗" if table.count else "✓"
    differ = f", {table.count} differ" if table.count else ""
    typer.echo(f"{mark} {table.table}: {table.rows} rows{differ}")
    for each in table.first:
        where = " ".join(f"{name}={value}" for name, value in each.key.items())
        typer.echo(f"    {where}: expected {_side(each.expected)}, found {_side(each.found)}")


def _side(values: Mapping[str, Any] | None) -> str:
    if values is None:
        return "no such row"
    return ", ".join(f"{name}={str(_plain(value))[:_SHOWN]}" for name, value in values.items())


def _plain(value: Any) -> Any:  # noqa: ANN401 - a column's
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _document(report: Report) -> dict[str, Any]:
    return {
        "service": report.service,
        "from": report.source,
        "equal": report.equal,
        "lines": report.lines,
        "tables": [
            {
                "table": table.table,
                "rows": table.rows,
                "count": table.count,
                "first": [_difference(each) for each in table.first],
            }
            for table in report.tables
        ],
        "otherwise": [
            {"what": each.what, "then": each.then, "now": each.now} for each in report.otherwise
        ],
        "kept": report.kept,
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {"key": dict(each.key), "expected": each.expected, "found": each.found}
