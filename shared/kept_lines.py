"""Lines that outlive the database: a file that is only added to, on the disk at once."""

import os
from pathlib import Path


def append(path: Path, *lines: str) -> None:
    """Some lines more, on the disk when this returns. A line that a crash cut short is ended."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        text = "".join(f"{line}\n" for line in lines)
        os.write(descriptor, (b"\n" if torn else b"") + text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
