"""Commands of Shuke as processes of their own, on a configuration of a test."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shared.config import Config
from tests.e2e.stack import environment


@contextmanager
def shuke(config: Config, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "shuke", *words],
        env=environment(config),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


async def told_by(config: Config, *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    with shuke(config, *words) as process:
        out, err = await asyncio.to_thread(process.communicate, None, 120)
    return process.returncode, out.decode(), err.decode()
