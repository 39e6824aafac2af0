"""Kafka cases are never missed in silence: each test is a run of pytest where no broker is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.backing.require import missed

ROOT = Path(__file__).resolve().parents[2]
PORT = "tests/contract/test_stream_port.py"
CASE = f"{PORT}::test_topics_are_made_once_and_keep_their_partitions[kafka]"
NONE_OF_THEM = ["tests/contract", "-m", "kafka and slow"]
WORKERS = ["-n", "1", "--dist", "loadgroup"]

pytestmark = pytest.mark.timeout(300)


def run(folder: Path, *words: str, require: str = "") -> tuple[int, str]:
    """Exit code and output of pytest with no Docker daemon and no Java within reach."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=ROOT,
        env={
            "PATH": str(folder),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "DOCKER_HOST": "tcp://127.0.0.1:1",
            "SHUKE_TEST_REQUIRE": require,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [[], WORKERS], ids=["alone", "workers"])
def test_a_run_without_a_broker_names_what_it_did_not_run(
    tmp_path: Path, workers: list[str]
) -> None:
    """The case skips; the summary names its file and how to get a broker."""
    code, said = run(tmp_path, CASE, *workers)
    assert code == pytest.ExitCode.OK
    assert "1 skipped" in said
    assert f"NOT RUN for want of a Kafka: {PORT} (1). To run them set KAFKA_BOOTSTRAP" in said


def test_a_case_of_a_group_has_its_name_by_which_workers_are_chosen(tmp_path: Path) -> None:
    """Else the marks of groups do nothing, and each worker starts a broker."""
    _, said = run(tmp_path, CASE, *WORKERS, "-vv")
    assert f"SKIPPED {CASE}@kafka" in said


def test_where_kafka_is_required_a_case_without_a_broker_fails(tmp_path: Path) -> None:
    """The reason says what was tried."""
    code, said = run(tmp_path, CASE, require="kafka")
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "no Kafka (Docker: " in said
    assert "Java: not installed)" in said


@pytest.mark.parametrize("workers", [[], WORKERS], ids=["alone", "workers"])
def test_where_kafka_is_required_a_whole_run_without_its_cases_fails(
    tmp_path: Path, workers: list[str]
) -> None:
    """Nothing collected is no success, also when workers collect."""
    code, said = run(tmp_path, *NONE_OF_THEM, *workers, require="kafka")
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "SHUKE_TEST_REQUIRE=kafka, but no Kafka case was collected." in said


def test_a_run_of_one_file_may_have_no_kafka_case(tmp_path: Path) -> None:
    """Only a run of the whole suite has to have some."""
    code, said = run(tmp_path, "tests/contract/test_catalogue.py", require="kafka")
    assert code == pytest.ExitCode.OK
    assert "no Kafka case was collected" not in said


def test_what_is_required_fails_and_what_is_not_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several are separated by commas."""
    monkeypatch.setenv("SHUKE_TEST_REQUIRE", "kafka,node")
    for what in ("kafka", "node"):
        with pytest.raises(pytest.fail.Exception, match="away"):
            missed(what, "away")
    monkeypatch.setenv("SHUKE_TEST_REQUIRE", "kafka")
    with pytest.raises(pytest.skip.Exception, match="away"):
        missed("node", "away")
