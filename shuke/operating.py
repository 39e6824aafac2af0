"""What commands of an operator share: who calls, which services, their databases opened."""

import asyncio
import getpass
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import typer
from pydantic import BaseModel, ValidationError

from shared.audit.deeds import Actor
from shared.clock import system
from shared.config import Config
from shared.db import programs
from shared.db.engine import Database
from shared.db.faults import Culprit, blame
from shared.db.transaction import statements
from shared.dead_letters import OPEN, REQUEUED, Letters
from shared.errors import HttpProblem, Misconfigured, Unavailable
from shared.ids import parse_id, text_id
from shared.programs import Program
from shared.service import Service
from shuke import running
from shuke.checking import Look
from shuke.services import SERVICES

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
GATEWAY: Final = SERVICES["gateway"]
READERS: Final = tuple(name for name, service in SERVICES.items() if service.flow is not None)
"""Services that read topics: the others have no quarantine and nothing that stands still."""
TRIES: Final = 3
"""So often a record is tried when something else has its rows locked."""
PAUSE_SECONDS: Final = 0.2
ServiceOption = Annotated[str | None, typer.Option("--service", help="Only of this service.")]
AsJson = Annotated[bool, typer.Option("--json", help="One line of JSON for each.")]


def who() -> str:
    """Who calls, for the audit: the user of the system."""
    try:
        return f"user:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user has no name
        return f"user:{os.getuid()}"


def operator(context: typer.Context) -> Actor:
    """Who calls, and by which command, as the audit has it."""
    words: list[str] = []
    at: Any = context
    while at.parent is not None:
        words.insert(0, at.info_name)
        at = at.parent
    return Actor("operator", " ".join(["shuke", *words, "by", who()]), system())


def readers(name: str | None) -> list[Service]:
    """The service of this name, or all that read topics."""
    if name is None:
        return [SERVICES[each] for each in READERS]
    if name not in READERS:
        raise Misconfigured(f"no service {name} that reads topics; there are {', '.join(READERS)}")
    return [SERVICES[name]]


def operate(config: Config, services: Sequence[Service], work: Callable[[Look], Awaitable[T]]) -> T:
    """What a piece of work gives that needs databases of services."""

    async def opened(ready: Config) -> T:
        async with Look(services, ready) as look:
            return await work(look)

    with running.with_database(config) as ready:
        return asyncio.run(opened(ready))


def at_gateway(config: Config, work: Callable[[Database], Awaitable[T]]) -> T:
    """What a piece of work gives with the gateway's database. A refusal ends the command."""

    async def looking(look: Look) -> T:
        try:
            return await work(look.databases[GATEWAY.name])
        except HttpProblem as problem:
            raise Misconfigured(problem.detail) from problem

    return operate(config, [GATEWAY], looking)


async def owner_of(database: Database, store_id: str) -> Program:
    """The program of a store. Raises Misconfigured."""
    async with statements(database) as tx:
        known = await programs.load(tx)
    for program in known.values():
        if program.store(store_id) is not None:
            return program
    raise Misconfigured(f"no store {store_id}")


def validated(model: type[M], given: Mapping[str, Any]) -> M:
    """What was given as arguments, as the API takes it. Raises Misconfigured."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        told = error.errors()[0]
        where = ".".join(map(str, told["loc"]))
        raise Misconfigured(f"{where}: {told['msg']}".removeprefix(": ")) from error


class Trying:
    """Records that are tried again one after the other, and what becomes of them."""

    def __init__(self, by: Actor, *, as_json: bool) -> None:
        self._by = by
        self._as_json = as_json
        self.states: Counter[str] = Counter()

    async def requeue(self, letters: Letters, found: Sequence[UUID]) -> None:
        """Try records of a service, each in its own transaction. Tells those that stay open."""
        for each in found:
            state = await self._requeue(letters, each)
            self.states[state] += 1
            if self._as_json:
                typer.echo(json.dumps({"quarantine_id": text_id("qrt", each), "state": state}))
            elif state != REQUEUED:
                typer.echo(f"{text_id('qrt', each)}  {state}")

    async def _requeue(self, letters: Letters, each: UUID) -> str:
        for _ in range(TRIES):
            try:
                return await letters.requeue(each, self._by.id, self._by)
            except Exception as error:
                if blame(error) is not Culprit.DATABASE:
                    raise
                last = error
                await asyncio.sleep(PAUSE_SECONDS)
        raise Unavailable(f"database of {letters.database.schema}: {last}") from last

    def conclude(self) -> None:
        """Tell how many ended how; exit code 1 when some stayed open."""
        told = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        typer.echo(told or "nothing to do", err=self._as_json)
        if self.states[OPEN]:
            raise typer.Exit(1)


def identity(prefix: str, text: str) -> UUID:
    """Uuid of an id in an argument. Raises Misconfigured."""
    try:
        return parse_id(prefix, text)
    except ValueError as error:
        raise Misconfigured(str(error)) from error


def tell(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing: a line of JSON, or a line for each of its fields."""
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo(table(("", ""), [[name, value] for name, value in told.items()]).lstrip())


def tell_all(
    lines: Sequence[Mapping[str, Any]], heads: Sequence[str], nothing: str, *, as_json: bool
) -> None:
    """Print things: a line of JSON each, or some of their fields as a table."""
    if as_json:
        for line in lines:
            typer.echo(json.dumps(line, ensure_ascii=False))
    elif lines:
        typer.echo(table(heads, [[line[head] for head in heads] for line in lines]))
    else:
        typer.echo(nothing, err=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows under their heads, each column as wide as it has to be but for the last."""
    lines = [[str(value) for value in row] for row in (heads, *rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads) - 1)]
    return "\n".join(
        "  ".join([
            *(value.ljust(width) for value, width in zip(line, widths, strict=False)),
            line[-1],
        ])
        for line in lines
    )
