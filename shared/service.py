"""What a service is: one declaration that its API, its worker and its migrations are built from."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI
from msgspec import Struct

from shared.config import Config
from shared.db.engine import Database
from shared.db.migrate import Schema
from shared.db.transaction import Tx
from shared.flow import Due, Flow
from shared.http.app import Bodies
from shared.http.held import Held
from shared.http.reading import Reader
from shared.programs import Program
from shared.sealing import KeyRing
from shared.settings.versions import Document
from shared.surroundings import Surroundings

Page = Callable[[Tx, Program, Due, str | None, int], Awaitable[Sequence[Due]]]
"""Reads at most n things due at or before a boundary, after a cursor, in key order."""


class Sweep(Struct, frozen=True):
    """Something that happens once per program and local day: expiry, lapse, close."""

    kind: str
    page: Page
    """Makes one `Due` per key; the cursor is the text of its key."""


class Violation(Struct, frozen=True):
    """A broken invariant: which one, where, what was expected, what was found."""

    invariant: str
    keys: Mapping[str, Any]
    expected: Any
    found: Any


Check = Callable[[Database, Program], Awaitable[Sequence[Violation]]]
"""Looks at one invariant of one program, page by page, each in a snapshot. Never repairs."""


class Derived(Struct, frozen=True):
    """What of a service follows from its own immutable rows, for `shuke rebuild --from entries`."""

    columns: Mapping[str, tuple[str, ...]]
    """By table, the columns that follow; the others are taken over."""
    fill: Callable[[Tx, str], Awaitable[None]]
    """Fills these tables in the schema named, from the service's own, which `tx` looks into."""


class Rebuild(Struct, frozen=True):
    """How the tables of a service are made anew, and what of them cannot be."""

    given: Mapping[str, str] = {}
    """Tables that no event, command or sweep makes, each with what does."""
    unlike: Mapping[str, str] = {}
    """Columns (`entry.posted_at`) that come out otherwise each time, each with the reason."""
    derived: Derived | None = None
    not_from_log: str | None = None
    """Why the log does not make its tables, where it does not."""


class Tasking(Struct, frozen=True):
    """What a task of a worker works with."""

    config: Config
    database: Database
    keys: KeyRing
    around: Surroundings


Task = Callable[[Tasking, asyncio.Event], Coroutine[Any, Any, None]]
"""Runs in every worker of the service until told to stop; several at once must not disturb each
other, so each claims its rows (`for update skip locked`) for as long as it works at them."""


class Service(Struct, frozen=True):
    """The declaration on one page."""

    name: str
    description: str
    schema: Schema
    routers: tuple[APIRouter, ...]
    flow: Flow | None = None
    """None: the service reads no topic."""
    upstream: str | None = None
    """Topic to read first, and whose producer to let go ahead when far behind."""
    commands: tuple[type, ...] = ()
    """Classes of what its callers may ask for."""
    sweeps: tuple[Sweep, ...] = ()
    tasks: tuple[Task, ...] = ()
    """What its worker does besides, that waits for others than the log and the database."""
    documents: tuple[Document[Any], ...] = ()
    """What a merchant may set."""
    totals: Callable[[Reader], Awaitable[dict[str, Any]]] | None = None
    """Figures over a program that must agree with those of the other services."""
    checks: Mapping[str, Check] = {}
    """Invariants by name, for `shuke verify`."""
    held: Held = {}
    """Tables with what is held about members; none: its own routes tell it, or it holds nothing."""
    rebuild: Rebuild = Rebuild()
    statements: int = 0
    """Statements of `load` and `save` per batch, whatever its size."""
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None
    """What the API opens besides its database."""
    edge: bool = False
    """Whether callers reach it from outside: nobody tells it from where."""
    prefix: str = ""
    """Before the paths of the routes that every service has."""
    bodies: Bodies = Bodies()
    """What a request's body may have."""
