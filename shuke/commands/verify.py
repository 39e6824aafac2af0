"""`shuke verify`: the invariants of every service, recomputed."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec.structs import asdict

from shared.config import Config
from shared.verify import MOST, Verdict
from shuke import running, scanning
from shuke.checking import Look
from shuke.services import SERVICES, chosen

PRIVACY: Final = "privacy"
"""In the place of services: the canary scan."""

AUDIT = "audit"


def verify(  # noqa: PLR0913, PLR0917 - options of a command line
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Services, default: all; audit: its chains; privacy: is anything in the clear?"
        ),
    ] = None,
    program: Annotated[str | None, typer.Option(help="Only this program.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    needle: Annotated[
        list[str] | None, typer.Option(help="Of privacy: a phone, name or mail to look for.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Of privacy: a file with one in each line.")
    ] = None,
    file: Annotated[
        list[Path] | None, typer.Option(help="Of privacy: a file to look into besides, a log.")
    ] = None,
) -> None:
    """Recompute the invariants of every service. Looks, never repairs; exit 0 when all hold.

    What is found over all programs is kept, and told by the workers as `invariant_violations`.

    Of an audit that is broken the first place is told. With `privacy` it looks for what you give it
    in every table, topic and file of the data folder, and tells where it is found: after an erasure
    that is nowhere.

    Example: shuke verify privacy --needle 13800138000
    """
    config: Config = context.obj
    if names == [PRIVACY]:
        given = [*(needle or []), *(source.read_text("utf-8").split("\n") if source else [])]
        _scan(config, [each.strip() for each in given if each.strip()], file or [], as_json=as_json)
        return

    audit_alone = names == [AUDIT]

    async def look(ready: Config) -> list[Verdict]:
        async with Look(chosen([] if audit_alone else names or []), ready) as looking:
            if audit_alone:
                return await looking.verify_audit()
            verdicts = await looking.verify(program)
            if program is None:
                await looking.keep(verdicts)
            return verdicts

    with running.with_database(config) as ready:
        verdicts = asyncio.run(look(ready))
    violations = sum(len(verdict.violations) for verdict in verdicts)
    if as_json:
        typer.echo(json.dumps(_document(verdicts, violations), default=str))
    else:
        for verdict in verdicts:
            _tell(verdict)
    if violations:
        raise typer.Exit(1)


def _scan(config: Config, given: list[str], files: list[Path], *, as_json: bool) -> None:
    """Tell where something is in the clear; exit 1 if anywhere."""
    wanted = scanning.needles(given)
    with running.with_database(config) as ready:
        paths = [*scanning.files_of(ready), *files]
        found = asyncio.run(scanning.scan(list(SERVICES.values()), ready, wanted, paths))
    if as_json:
        typer.echo(json.dumps({"needles": len(wanted), "found": [asdict(e) for e in found]}))
    else:
        for each in found:
            typer.echo(f"✗ {each.place}: needle {each.needle}, {each.count} times")
        if not found:
            typer.echo(f"✓ nothing of {len(wanted)} needles is anywhere in the clear")
    if found:
        raise typer.Exit(1)


def _tell(verdict: Verdict) -> None:
    mark = "✗" if verdict.violations else "✓"
    typer.echo(f"{mark} {verdict.service:<10} {verdict.invariant}")
    for each in verdict.violations[:MOST]:
        where = " ".join(f"{key}={value}" for key, value in each.keys.items())
        typer.echo(f"    {where}: expected {each.expected}, found {each.found}")
    if len(verdict.violations) > MOST:
        typer.echo(f"    … and {len(verdict.violations) - MOST} more")


def _document(verdicts: list[Verdict], violations: int) -> dict[str, object]:
    return {
        "violations": violations,
        "invariants": [
            {
                "service": verdict.service,
                "invariant": verdict.invariant,
                "violations": [
                    {"keys": dict(v.keys), "expected": v.expected, "found": v.found}
                    for v in verdict.violations
                ],
            }
            for verdict in verdicts
        ],
    }
