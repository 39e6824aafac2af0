"""An endpoint outside, by commands, against a running box."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from shuke.demo.programme import prepare
from tests.e2e import stack as processes
from tests.e2e.processes import wait_until
from tests.e2e.receiving import Receiver, receiver
from tests.e2e.stack import Stack

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def to() -> Iterator[Receiver]:
    """The receiver, running."""
    with receiver() as found:
        yield found


@pytest.fixture(scope="module")
def box(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A box whose operator lets it send to loopback."""
    folder = tmp_path_factory.mktemp("endpoints")
    with processes.database(server, template) as url:
        with processes.box(folder, url, SHUKE_ENDPOINT_NETWORKS="127.0.0.0/8") as running:
            yield running


@pytest.fixture(scope="module")
def program(box: Stack) -> str:
    """The demo's program."""

    async def made() -> str:
        async with box.operator() as operator:
            return (await prepare(operator, box.config, "endpoints", 0)).program

    return asyncio.run(made())


def told(box: Stack, *words: str) -> list[Any]:
    """What a command says in JSON."""
    done = box.shuke(*words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_endpoint_from_its_making_to_a_message_sent_again(
    box: Stack, program: str, to: Receiver
) -> None:
    (made,) = told(box, "endpoints", "add", program, to.url, "--type", "refund", "--name", "ERP")
    identity = made["endpoint_id"]
    (line,) = told(box, "endpoints", "list", "--program", program)
    assert (line["endpoint_id"], line["types"], line["state"]) == (identity, ["refund"], "enabled")
    (tested,) = told(box, "endpoints", "test", identity)
    assert (tested["state"], tested["status"], tested["answer"]) == ("delivered", 200, "seen")
    ((headers, body),) = to.got
    Webhook(made["secret"]).verify(body, headers)
    (message,) = told(box, "endpoints", "messages", identity, "--state", "delivered")
    assert message["message_id"] == tested["message_id"] == headers["webhook-id"]
    assert "1 to go out again" in box.shuke("endpoints", "replay", message["message_id"]).stdout
    wait_until(lambda: len(to.got) == 2, 30, "it comes again under its id")
    assert to.got[1][0]["webhook-id"] == headers["webhook-id"]
    shown = json.loads(box.shuke("endpoints", "show", message["message_id"]).stdout)
    assert [each["status"] for each in shown["tries"]] == [200, 200]
    (new,) = told(box, "endpoints", "rotate", identity, "--after-hours", "1")
    told(box, "endpoints", "test", identity, "--type", "order-completed")
    for secret in (made["secret"], new["secret"]):
        Webhook(secret).verify(to.got[2][1], to.got[2][0])
    since = ("--since", "2000-01-01T00:00:00Z", "--state", "delivered")
    assert "2 to go out again" in box.shuke("endpoints", "replay", identity, *since).stdout


def test_a_test_that_is_refused_says_so(box: Stack, program: str, to: Receiver) -> None:
    (made,) = told(box, "endpoints", "add", program, to.url, "--signature", "v1a")
    assert made["secret"].startswith("whpk_")
    to.status = 410
    done = box.shuke("endpoints", "test", made["endpoint_id"])
    assert done.returncode == 1
    assert "410" in done.stdout
    to.status = 200
    for move, said in (("enable", "is enabled"), ("disable", "is disabled"), ("remove", "removed")):
        assert said in box.shuke("endpoints", move, made["endpoint_id"]).stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "prg_" + "a" * 26, "https://hooks.example/"), "no program"),
        (("add", "prg_" + "a" * 26, "https://hooks.example/", "--type", "nonsense"), "types"),
        (("disable", "ept_" + "a" * 26), "no such endpoint"),
        (("rotate", "nonsense"), "ept"),
        (("show", "msg_" + "a" * 26), "no such message"),
        (("replay", "ept_" + "a" * 26), "since"),
        (("messages", "nonsense"), "ept"),
    ],
)
def test_what_is_not_there_is_said(box: Stack, words: tuple[str, ...], why: str) -> None:
    done = box.shuke("endpoints", *words)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_url_that_leads_inside_is_refused_in_words(box: Stack, program: str) -> None:
    done = box.shuke("endpoints", "add", program, "https://10.0.0.1/")
    assert done.returncode == 2
    assert "public address" in done.stderr
