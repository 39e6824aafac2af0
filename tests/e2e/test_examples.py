"""A newcomer's path: the examples as they stand, against a running box."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shuke.demo.programme import Programme, prepare
from tests.conftest import ROOT
from tests.e2e import stack as processes
from tests.e2e.stack import COMMAND_SECONDS, Stack

pytestmark = pytest.mark.timeout(300)
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def box(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A box with its log in PostgreSQL."""
    folder = tmp_path_factory.mktemp("examples")
    with processes.database(server, template) as url, processes.box(folder, url) as running:
        yield running


@pytest.fixture(scope="module")
def programme(box: Stack) -> Programme:
    """A program, its store, connection and key, as the demo makes them."""
    return asyncio.run(make(box))


async def make(box: Stack) -> Programme:
    async with box.operator() as operator:
        return await prepare(operator, box.config, "examples", 0)


def run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an example."""
    return subprocess.run(
        [str(EXAMPLES / script), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )


def order(box: Stack, programme: Programme) -> dict[str, object]:
    """Send the order; the balance that the script ends with."""
    words = (programme.connection, programme.secret, programme.key, box.gateway)
    done = run("order.sh", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"status":"published"' in done.stdout
    balance: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return balance


def test_a_signed_order_by_curl_earns_and_tail_shows_it(box: Stack, programme: Programme) -> None:
    """From the webhook to the balance and the event, without Kafka."""
    balance = order(box, programme)
    wallets = balance["wallets"]
    assert isinstance(wallets, list)
    assert [(wallet["wallet"], wallet["balance"]) for wallet in wallets] == [("points", 120)]
    tail = box.shuke("tail", "points", "--from-start", "--most", "1", "--json")
    assert tail.returncode == 0, tail.stderr
    event = json.loads(tail.stdout)
    assert event["type"] == "shuke.points-changed.v1"
    assert event["programid"] == programme.program
    data = event["data"]
    assert (data["member_id"], data["amount"]) == (balance["member_id"], 120)


def test_an_order_signed_with_another_secret_is_refused(box: Stack, programme: Programme) -> None:
    other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    done = run("order.sh", programme.connection, other, programme.key, box.gateway)
    assert done.returncode != 0
    assert '"code":"unauthenticated"' in done.stdout


@pytest.mark.parametrize("script", ["order.sh", "bulk.sh"])
def test_a_script_without_arguments_says_how_to_call_it(script: str) -> None:
    done = run(script)
    assert done.returncode == 2
    assert f"examples/{script} CONNECTION SECRET" in done.stderr


def test_a_bulk_is_taken_once(box: Stack, programme: Programme) -> None:
    """Sent again, all of it is told as duplicates."""
    words = (programme.connection, programme.secret, str(EXAMPLES / "bulk.json"), box.gateway)
    first, second = run("bulk.sh", *words), run("bulk.sh", *words)
    assert json.loads(first.stdout) == {"accepted": 3, "duplicates": 0, "failed": []}
    assert json.loads(second.stdout) == {"accepted": 0, "duplicates": 3, "failed": []}


@pytest.mark.kafka
def test_the_consumer_prints_the_balance_from_kafka(
    server: str, template: str, tmp_path: Path, kafka_servers: str
) -> None:
    """The same order, with the log in Kafka."""
    prefix = f"t{secrets.token_hex(4)}."
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": kafka_servers, "SHUKE_TOPIC_PREFIX": prefix}
    with processes.database(server, template) as url, processes.box(tmp_path, url, **kafka) as box:
        balance = order(box, asyncio.run(make(box)))
        line = first_line([sys.executable, str(EXAMPLES / "consumer.py")], kafka)
    assert line == f"{balance['member_id']} points 120\n"


def first_line(command: list[str], more: dict[str, str]) -> str:
    """What a program prints first; it is stopped then."""
    with subprocess.Popen(
        command, env={**os.environ, **more}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        alarm = threading.Timer(COMMAND_SECONDS, process.terminate)
        alarm.start()
        try:
            return process.stdout.readline()
        finally:
            alarm.cancel()
            process.terminate()
