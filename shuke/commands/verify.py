"""`shuke verify`: the invariants of every service, recomputed."""

import asyncio
import json
from typing import Annotated

import typer

from shared.config import Config
from shared.verify import MOST, Verdict
from shuke import running
from shuke.checking import Look
from shuke.services import chosen

AUDIT = "audit"


def verify(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="Services, or audit: its chains alone.")
    ] = None,
    program: Annotated[str | None, typer.Option(help="Only this program.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Recompute the invariants of every service. Looks, never repairs; exit 0 when all hold.

    What is found over all programs is kept, and told by the workers as `invariant_violations`.

    Of an audit that is broken the first place is told.

    Example: shuke verify audit --json
    """
    config: Config = context.obj

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
