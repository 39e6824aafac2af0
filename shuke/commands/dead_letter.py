"""`shuke dead-letter`: records that were set aside, and programs that were."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import typer

from shared import dead_letters
from shared.config import Config
from shared.db import parking, quarantine
from shared.db.engine import Database
from shared.db.quarantine import Wanted
from shared.db.transaction import Row, statements
from shared.dead_letters import DISCARDED, PARKED, Letters, describe, describe_parked
from shared.errors import HttpProblem, Misconfigured
from shared.events.dead_letters.event_quarantined import QuarantineClass
from shared.ids import text_id
from shared.sealing import KeyRing
from shuke.checking import Look
from shuke.operating import (
    AsJson,
    ServiceOption,
    Trying,
    identity,
    operate,
    operator,
    readers,
    table,
)
from shuke.services import SERVICES

app = typer.Typer(help="Records that were set aside.", no_args_is_help=True)
PAGE: Final = 200
FAILED: Final = 1
State = Literal["open", "requeued", "discarded", "all"]
ClassOption = Annotated[QuarantineClass | None, typer.Option("--class", help="Only of this class.")]
ProgramOption = Annotated[str | None, typer.Option("--program", help="Only of this program.")]
TopicOption = Annotated[str | None, typer.Option("--topic", help="Only of this topic.")]


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917 - filters
    context: typer.Context,
    service: ServiceOption = None,
    klass: ClassOption = None,
    program: ProgramOption = None,
    topic: TopicOption = None,
    state: Annotated[State, typer.Option(help="Only in this state.")] = "open",
    as_json: AsJson = False,
) -> None:
    """List records that were set aside, in the order in which they were read.

    Example: shuke dead-letter list --service points --class failed
    """
    number = None if state == "all" else quarantine.STATES.index(state)
    wanted = Wanted(number, klass, program, topic)

    async def work(look: Look) -> None:
        for name in look.databases:
            await _list(look, name, wanted, as_json=as_json)

    operate(context.obj, readers(service), work)


async def _list(look: Look, service: str, wanted: Wanted, *, as_json: bool) -> None:
    async for row in _records(look.databases[service], wanted):
        line = {"service": service} | describe(row)
        typer.echo(json.dumps(line) if as_json else _short(line))


async def _records(database: Database, wanted: Wanted) -> AsyncIterator[Row]:
    after = quarantine.FIRST
    while True:
        async with statements(database) as tx:
            rows = await quarantine.list_page(tx, wanted, after, PAGE)
        for row in rows:
            yield row
        if len(rows) < PAGE:
            return
        after = quarantine.place_of(rows[-1])


def _short(line: Mapping[str, Any]) -> str:
    place = f"{line['topic']}/{line['partition']}@{line['offset']}"
    return (
        f"{line['quarantine_id']}  {line['service']:<9}  {place:<24}  {line['class']:<11}  "
        f"{line['state']:<9}  {line['attempts']}×  {line['reason']}"
    )


@app.command()
def show(
    context: typer.Context,
    quarantine_id: Annotated[str, typer.Argument(help="Quarantine id (qrt_…).")],
) -> None:
    """Show a record with its content. The content may hold anything: mind who looks.

    Example: shuke dead-letter show qrt_…
    """
    config: Config = context.obj
    keys = KeyRing.open(config.keys_dir)

    async def work(look: Look) -> dict[str, Any]:
        service, row = await _find(look, identity("qrt", quarantine_id))
        raw = _letters(look, service, keys).open(row)
        content = raw.decode("utf-8", "backslashreplace")
        return {"service": service} | describe(row) | {"content": content}

    typer.echo(json.dumps(operate(config, readers(None), work), indent=1, ensure_ascii=False))


@app.command()
def requeue(  # noqa: PLR0913, PLR0917 - filters
    context: typer.Context,
    identities: Annotated[list[str] | None, typer.Argument(help="Quarantine ids (qrt_…).")] = None,
    service: ServiceOption = None,
    klass: ClassOption = None,
    program: ProgramOption = None,
    topic: TopicOption = None,
    as_json: AsJson = False,
) -> None:
    """Try records again, in the order in which they were read; what fails again stays open.

    Exit code 1 when some stayed open. Running it twice does no harm.

    Example: shuke dead-letter requeue --class failed --service points
    """
    if bool(identities) == (klass is not None):
        raise Misconfigured("name records by their ids, or a class of them with --class")
    config: Config = context.obj
    keys, trying = KeyRing.open(config.keys_dir), Trying(operator(context), as_json=as_json)
    wanted = Wanted(klass=klass, program=program, topic=topic)

    async def work(look: Look) -> None:
        if klass is not None:
            await _try_all(look, keys, wanted, trying)
        for each in identities or ():
            name, row = await _find(look, identity("qrt", each))
            await trying.requeue(_letters(look, name, keys), [row["quarantine_id"]])

    operate(config, readers(service), work)
    trying.conclude()


async def _try_all(look: Look, keys: KeyRing, wanted: Wanted, trying: Trying) -> None:
    for name, database in look.databases.items():
        async with statements(database) as tx:
            found = await quarantine.list_ids(tx, wanted)
        await trying.requeue(_letters(look, name, keys), found)


@app.command()
def discard(
    context: typer.Context,
    identities: Annotated[list[str], typer.Argument(help="Quarantine ids (qrt_…).")],
    reason: Annotated[str, typer.Option(help="Why it is not needed.", prompt=True)],
) -> None:
    """Close records without applying them. It is all that a conflict allows.

    Example: shuke dead-letter discard qrt_… --reason "sent twice by mistake"
    """
    if not reason.strip():
        raise Misconfigured("say why, with --reason")

    by = operator(context)

    async def work(look: Look) -> dict[str, str]:
        states = {}
        for each in identities:
            name, row = await _find(look, identity("qrt", each))
            states[each] = await dead_letters.discard(
                look.databases[name], row["quarantine_id"], reason, by
            )
        return states

    states = operate(context.obj, readers(None), work)
    for each, state in states.items():
        typer.echo(f"{each}  {state}")
    if set(states.values()) != {DISCARDED}:
        raise typer.Exit(FAILED)


@app.command()
def resume(
    context: typer.Context,
    program: Annotated[str | None, typer.Argument(help="Program (prg_…); none: list.")] = None,
    topic: Annotated[str | None, typer.Argument(help="Only for this topic.")] = None,
    service: ServiceOption = None,
    because: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take up a program that was set aside, and what it sent meanwhile. Without one: list them.

    Interrupted, it leaves the rest to the workers; running it again does no harm.

    Example: shuke dead-letter resume prg_… storefront --because "the shop was mended"
    """
    config: Config = context.obj
    if program is None:
        _tell_parked(operate(config, readers(service), _parked), as_json=as_json)
        return
    identity("prg", program)
    keys, trying = KeyRing.open(config.keys_dir), Trying(operator(context), as_json=as_json)

    by = operator(context)

    async def work(look: Look) -> None:
        lifted: list[str] = []
        for database in look.databases.values():
            lifted += await dead_letters.lift(database, program, topic, because, by)
            await dead_letters.settle(database)
        await _try_all(look, keys, Wanted(klass=PARKED, program=program, topic=topic), trying)
        if not lifted and not trying.states:
            raise HttpProblem(409, "not-parked", f"{program} is not set aside.")

    operate(config, readers(service), work)
    trying.conclude()


async def _parked(look: Look) -> list[dict[str, Any]]:
    found = []
    for service, database in look.databases.items():
        async with statements(database) as tx:
            rows = await parking.list_page(tx, None, parking.FIRST, PAGE)
        found += [{"service": service} | describe_parked(row) for row in rows]
    return found


def _tell_parked(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for line in found:
            typer.echo(json.dumps(line))
        return
    heads = ("service", "program_id", "topic", "since")
    typer.echo(table(heads, [[line[head] for head in heads] for line in found]))


def _letters(look: Look, service: str, keys: KeyRing) -> Letters:
    flow = SERVICES[service].flow
    assert flow is not None
    return Letters(look.databases[service], flow, keys)


async def _find(look: Look, quarantine_id: UUID) -> tuple[str, Row]:
    for service, database in look.databases.items():
        async with statements(database) as tx:
            row = await quarantine.look(tx, quarantine_id)
        if row is not None:
            return service, row
    raise HttpProblem(404, "not-found", f"No service has a record {text_id('qrt', quarantine_id)}.")
