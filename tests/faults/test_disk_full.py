"""The database's disk is full: batches are tried again until there is room, nothing is lost.

Its tables lie on a small file system of their own, which only root may mount.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ids import derive
from shuke import embedded
from tests.backing import postgres
from tests.faults.ground import Ground
from tests.faults.rig import Rig, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MEGABYTES = 160
CHUNK = b"\0" * 65_536


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk; skips, loudly, where none can be mounted."""
    folder = Path("/tmp") / f"shuke-disk-{os.getpid()}"  # noqa: S108 - other users must reach it
    folder.mkdir()
    options = f"size={MEGABYTES}m,mode=0777"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"a disk of its own cannot be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


@pytest.fixture
def rig(ground: Ground, disk: Path, tmp_path: Path) -> Iterator[Rig]:
    """Points, with its tables on the small disk."""
    space = f"small_{derive('disk', str(os.getpid())).hex[:8]}"
    place = disk / "space"
    place.mkdir()
    account = embedded._account(ground.server.folder, embedded.tools())
    if account is not None:
        os.chown(place, account.pw_uid, account.pw_gid)
    with ground.site(tmp_path, ground.members) as site:
        with site.other() as other:
            other.run(f"create tablespace {space} location '{place}'")
        name = postgres.name_of(site.config.database_url or "")
        with ground.maintaining() as other:
            other.run(f'alter database "{name}" set tablespace {space}')
        with running(site) as rig:
            yield rig
    with ground.maintaining() as other:
        other.run(f"drop tablespace {space}")


def fill(path: Path) -> None:
    """Leave no room on a disk."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(CHUNK)
        except OSError:
            return


def test_a_full_disk_holds_batches_up_and_loses_nothing(rig: Rig, disk: Path) -> None:
    """The error is told, the worker lives, and goes on by itself when there is room again."""
    label = {"class": "DiskFullError"}
    with rig.loading(6_000, 400) as load:
        load.wait(200)
        fill(disk / "filler")
        rig.worker.wait_figure("batch_retries_total", 0, 90, **label)
        assert rig.worker.answer("/livez")[0] == 200
        assert any("DiskFullError" in line["error"] for line in rig.worker.lines("retry"))
        (disk / "filler").unlink()
        assert rig.wait_moved() < 40
        load.finish()
