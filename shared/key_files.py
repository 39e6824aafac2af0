"""Files of keys: written whole or not at all, never replaced, destroyed when their time is over."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from msgspec import Struct

from shared.errors import Misconfigured

KEY_BYTES: Final = 32


class Series(Struct, frozen=True):
    """Keys of one kind: files of a folder that differ by a number, e.g. `kek.1.key`."""

    before: str
    """What stands before the number."""

    def path_of(self, folder: Path, number: int) -> Path:
        """The file of a key."""
        return folder / f"{self.before}{number}.key"

    def numbers(self, folder: Path) -> list[int]:
        """Numbers of the keys in a folder, rising. Raises Misconfigured where there is none."""
        if not self.exist(folder):
            raise Misconfigured(f"no key file {self.path_of(folder, 1)}: run `shuke keys init`")
        return sorted(
            int(path.name.removeprefix(self.before).removesuffix(".key"))
            for path in folder.glob(f"{self.before}*.key")
        )

    def exist(self, folder: Path) -> bool:
        """Whether a folder holds any."""
        return any(folder.glob(f"{self.before}*.key"))

    def check(self, folder: Path) -> None:
        """Raise Misconfigured where there is no key, or one that others may read."""
        for number in self.numbers(folder):
            guard(self.path_of(folder, number))

    def make(self, folder: Path, number: int) -> None:
        """Make a key, if it is not there."""
        write_once(self.path_of(folder, number), secrets.token_bytes(KEY_BYTES), 0o600)


def write_once(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must appear whole or not at all, and never replace one that exists."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process made the key at the same instant: its key counts
    finally:
        draft.unlink()


def replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole in the place of one that may be there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_once(draft, content, mode)
    draft.replace(path)


def guard(path: Path) -> None:
    """Raise Misconfigured where others than the owner may read a file."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Misconfigured(
            f"{path} may be read by others (mode {mode:04o}): run `chmod 600 {path}`"
        )


def overwrite(path: Path) -> None:
    """Destroy a file: its bytes first, then its name."""
    with path.open("r+b") as file:
        file.write(secrets.token_bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
