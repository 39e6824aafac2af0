"""`shuke demo`: a year of real orders through signed webhooks, and what came out of them."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import structs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from shared.clock import system
from shared.config import Config
from shuke import box, running
from shuke.box import Box
from shuke.demo import figures, retail
from shuke.demo.baskets import ORDER_LINES
from shuke.demo.programme import operating
from shuke.demo.replay import Result, Script, replay, script
from shuke.demo.shopper import PHONE, introduce
from shuke.demo.staff import Enlisted, enlist
from shuke.services import SERVICES

_SHOWN: Final = timedelta(days=28)
"""What the example of home figures covers."""


app = typer.Typer(invoke_without_command=True)


@app.callback()
def demo(
    context: typer.Context,
    leave: Annotated[bool, typer.Option("--exit", help="Stop when done.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Last line of standard output: one JSON object.")
    ] = False,
    extras: Annotated[
        bool, typer.Option("--extras/--no-extras", help="Repeats, refunds, check-ins.")
    ] = True,
    orders: Annotated[
        Path, typer.Option(help="Another file of order lines, same format.")
    ] = ORDER_LINES,
) -> None:
    """Replay a year of real baskets through signed webhooks, then keep serving.

    Services that already run are used; otherwise a box is started. Exit 1 when a figure differs
    from the reference or an invariant is violated.

    Example: shuke demo --exit --json --no-extras
    """
    if context.invoked_subcommand is not None:
        return
    config: Config = context.obj
    console = Console(stderr=as_json)
    what = script(orders, with_extras=extras)
    with running.with_database(config) as ready, _services(ready, console) as processes:
        result = _replay(ready, what, console)
        _show(console, ready, what, result)
        _show_staff(console, ready, result.programme.program)
        _show_shopper(console, ready, what, result)
        if as_json:
            sys.stdout.write(json.dumps(structs.asdict(result.figures)) + "\n")
            sys.stdout.flush()
        if not leave and processes is not None:
            console.print("\nServing until Ctrl-C.")
            processes.wait()
    if not result.figures.right:
        raise typer.Exit(1)


@app.command("retail")
def retail_(  # noqa: PLR0913, PLR0917 - options
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="UCI Online Retail: CSV, gzipped or not, or Parquet.")
    ],
    rate: Annotated[
        float | None, typer.Option(min=1, help="At most so many events a second.")
    ] = None,
    check_ins: Annotated[
        bool, typer.Option("--check-ins", help="A check-in for each day a customer bought.")
    ] = False,
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Keep the dates; else the last week is last week.")
    ] = False,
    leave: Annotated[bool, typer.Option("--exit", help="Stop when done.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Last line of standard output: one JSON object.")
    ] = False,
) -> None:
    """Replay a real shop's invoices through signed webhooks in bulk, to the penny.

    The file is not shipped: UCI Machine Learning Repository, Online Retail, Chen (2015), CC BY 4.0.
    Exit 1 when a figure differs or an invariant is violated.

    Example: shuke demo retail online_retail.csv --check-ins --exit --json
    """
    config: Config = context.obj
    console = Console(stderr=as_json)
    what = retail.script(file, check_ins=check_ins, as_recorded=as_recorded)
    with running.with_database(config) as ready, _services(ready, console) as processes:
        result = _replay_retail(ready, what, rate, console)
        _show_retail(console, result)
        _show_staff(console, ready, result.programme.program)
        if as_json:
            found = result.found | {
                "accepted": result.taken.accepted,
                "duplicates": result.taken.duplicates,
                "failed": result.taken.failed,
                "seconds": round(result.seconds, 1),
                "verify_violations": len(result.violations),
                "differences": result.differences,
            }
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()
        if not leave and processes is not None:
            console.print("\nServing until Ctrl-C.")
            processes.wait()
    if not result.right:
        raise typer.Exit(1)


def _replay_retail(
    config: Config, what: retail.Script, rate: float | None, console: Console
) -> retail.Result:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        events = what.retail
        total = len(events.invoices) + len(events.refunds)
        total += len(events.check_ins) if what.check_ins else 0
        task = bar.add_task("Events in signed bulk webhooks", total=total)
        return asyncio.run(
            retail.replay(config, what, rate, lambda count: bar.advance(task, count))
        )


def _show_retail(console: Console, result: retail.Result) -> None:
    table = Table("Figure", "Here", "Expected", box=None)
    for name, value in result.expected.items():
        here = result.found[name]
        mark = "✓" if here == value else "✗"
        table.add_row(name, f"{here:,}", f"{value:,} {mark}")
    console.print(table)
    taken = result.taken
    console.print(
        f"{taken.accepted:,} accepted, {taken.duplicates:,} duplicates, {taken.failed:,} failed"
        f" in {result.seconds:.1f} s"
    )
    if taken.first_failure is not None:
        console.print(f"✗ first failure: {taken.first_failure}", markup=False)
    for each in dict.fromkeys(result.violations):
        console.print(f"✗ {each}", markup=False)
    console.print("Data: UCI Online Retail, Chen (2015), CC BY 4.0.")


@contextmanager
def _services(config: Config, console: Console) -> Iterator[Box | None]:
    """The services of a box for as long as the block; None when they run already."""
    ready = [f"{config.url_of(name)}/readyz" for name in SERVICES]
    if all(box.answers(url) for url in ready):
        console.print(f"Using the services that run at {config.url_of('gateway')}.")
        yield None
        return
    quiet = config.model_copy(
        update={"log_level": "warning", "mfa_optional": True, "show_codes": True}
    )
    with console.status("Starting …") as status:
        asyncio.run(running.prepare(list(SERVICES.values()), config))
        with box.running(quiet, [["api", "all"], ["worker", "all"]]) as processes:
            processes.wait_ready(ready)
            status.stop()
            yield processes


def _replay(config: Config, what: Script, console: Console) -> Result:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("Signed webhooks", total=what.deliveries)
        return asyncio.run(replay(config, what, lambda: bar.advance(task)))


def _show(console: Console, config: Config, what: Script, result: Result) -> None:
    found = structs.asdict(result.figures)
    expected = figures.reference(what.reference) if what.reference else {}
    beside = "Reference" if what.comparable else "Reference, nothing added" if expected else ""
    table = Table("Figure", "Here", beside, box=None)
    for name, value in found.items():
        right = expected.get(name) == value
        mark = "" if name not in expected or not what.comparable else "✓" if right else "✗"
        table.add_row(name, _words(value), f"{_words(expected.get(name, ''))} {mark}".strip())
    console.print(table)
    for each in dict.fromkeys(result.violations):
        console.print(f"✗ {each}", markup=False)
    if what.extras.repeated:
        console.print("Repeats, refunds and check-ins were added by the demo to the real orders.")
    console.print("\nAddresses")
    for name in SERVICES:
        console.print(f"  {name:<10}{config.url_of(name)}", highlight=False)
    url, key = config.url_of("gateway"), result.programme.key
    console.print("\nKeys (of the demo alone; also in demo.json beside the key files)")
    console.print(f"  API key         {key}", highlight=False)
    console.print(f"  webhook secret  {result.programme.secret}", highlight=False)
    console.print(
        f"  webhook         {url}/webhooks/{result.programme.connection}", highlight=False
    )
    console.print("\nTry")
    today = system().date()
    header = f'-H "authorization: Bearer {key}"'
    for path in (
        f"/points/v1/members/{result.member}/balance",
        f"/points/v1/members/{result.member}/entries",
        f"/analytics/v1/home?from={today - _SHOWN}&to={today}",
    ):
        console.print(f"  curl -s {header} '{url}/api{path}'", highlight=False, soft_wrap=True)


def _show_staff(console: Console, config: Config, program: str) -> None:
    async def enlisted() -> Enlisted:
        async with operating(config) as operator:
            return await enlist(operator, config, program)

    staff = asyncio.run(enlisted())
    console.print(f"\nStaff of the demo, at {config.public_url}/console", highlight=False)
    console.print(f"  {', '.join(staff.emails)}", highlight=False, soft_wrap=True)
    console.print(f"  password        {staff.password}", highlight=False, markup=False)


def _show_shopper(console: Console, config: Config, what: Script, result: Result) -> None:
    asyncio.run(introduce(config, result.programme, what.baskets))
    address = f"{config.public_url}/m/{result.programme.program}"
    console.print(f"\nMember centre, at {address}", highlight=False, soft_wrap=True)
    console.print(f"  phone           {PHONE}, and any other to join", highlight=False)
    console.print("  code            shown on the page, for nothing here sends it")


def _words(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items())
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
