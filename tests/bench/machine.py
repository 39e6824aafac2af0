"""The machine that is measured: a database that syncs to disk, a broker, and what they are."""

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import asyncpg

from shuke import embedded
from tests.backing import kafka

FOLDER: Final = Path("var/bench")
SHARE_OF_MEMORY: Final = 4
"""`shared_buffers` is a quarter of it, as for a server of its own."""
SYNCS: Final = 200
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@contextmanager
def database() -> Iterator[str]:
    """Address of a PostgreSQL with the settings that are shipped, fsync on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    settings = {
        "shared_buffers": f"'{memory // SHARE_OF_MEMORY}MB'",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "200",
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    with embedded.server(FOLDER / "pg", settings=settings) as url:
        yield url


@contextmanager
def broker() -> Iterator[str]:
    """Address of a real Kafka, its data gone afterwards."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="shuke-bench-kafka-") as folder:
        with kafka.local(Path(folder)) as address:
            yield address


async def describe(url: str) -> dict[str, Any]:
    """What the figures are of: machine, versions, load, how fast the disk syncs."""
    connection = await asyncpg.connect(url)
    try:
        server = await connection.fetchval("select version()")
        names = ("fsync", "synchronous_commit", "full_page_writes", "wal_compression",
                 "shared_buffers", "max_wal_size")  # fmt: skip
        settings = {name: await connection.fetchval(f"show {name}") for name in names}
    finally:
        await connection.close()
    return {
        "machine": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "python": f"{platform.python_version()} ({platform.python_compiler()})",
        "postgresql": server,
        "postgresql_settings": settings,
        "kafka": _kafka_version(),
        "libraries": {name: version(name) for name in ("aiokafka", "asyncpg", "msgspec", "uvloop")},
        "commit": _commit(),
        "load_at_start": os.getloadavg(),
        "syncs_per_second": _syncs(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def _kafka_version() -> str:
    jars = sorted(kafka.JARS.glob("kafka_2.13-*.jar"))
    return jars[0].stem if jars else "given by address"


def _syncs() -> int:
    """How often a second a page can be forced to disk."""
    with tempfile.NamedTemporaryFile(dir=FOLDER) as file:
        began = time.perf_counter()
        for _ in range(SYNCS):
            file.seek(0)
            file.write(bytes(8192))
            file.flush()
            os.fdatasync(file.fileno())
        return round(SYNCS / (time.perf_counter() - began))


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_rss_mb(pid: int) -> int:
    """The most memory that a process had."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def _commit() -> str:
    """Which commit this is, or nothing outside a checkout."""
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
