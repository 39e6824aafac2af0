"""A new installation: the link that its start prints, the owner who opens it, staff by commands."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from shuke.demo.programme import prepare
from shuke.demo.staff import Enlisted, enlist
from tests.e2e import stack as processes
from tests.e2e.processes import wait_until
from tests.e2e.stack import Stack

pytestmark = pytest.mark.timeout(300)
LINK = re.compile(r"(http://\S+/console/first-run)#token=(\S+)")
API = "/api/gateway/v1"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def box(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A box with its log in PostgreSQL."""
    folder = tmp_path_factory.mktemp("first-run")
    with processes.database(server, template) as url, processes.box(folder, url) as running:
        yield running


def links(box: Stack) -> list[tuple[str, str]]:
    """What starts have printed: pages and tokens."""
    return LINK.findall(box.log.read_text(encoding="utf-8"))


def told(box: Stack, *words: str) -> list[Any]:
    """What a command prints with --json, line by line."""
    done = box.shuke(*words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_start_prints_the_link_that_makes_the_owner(box: Stack) -> None:
    """A command makes another, and the one before is worth nothing; with an owner none is made."""
    wait_until(lambda: bool(links(box)), 30, "a link is printed")
    ((page, token),) = links(box)
    assert page == f"{box.config.public_url}/console/first-run"
    done = box.shuke("keys", "owner-link")
    assert done.returncode == 0, done.stderr
    ((_, fresh),) = LINK.findall(done.stdout)
    with httpx2.Client(base_url=box.gateway) as client:
        assert client.get(f"{API}/setup").json()["owner"] is False
        body = {"email": "li@shop.example", "password": PASSWORD, "name": "Li Wei"}
        old = client.post(f"{API}/owners", json=body | {"token": token})
        assert (old.status_code, old.json()["code"]) == (403, "owner-link-invalid")
        made = client.post(f"{API}/owners", json=body | {"token": fresh})
        assert made.status_code == 201, made.text
        assert client.get(f"{API}/sessions/current").json() == made.json()
        assert client.get(f"{API}/setup").json()["owner"] is True
    refused = box.shuke("keys", "owner-link")
    assert (refused.returncode, refused.stdout) == (2, "")
    log = box.log.read_text(encoding="utf-8")
    assert PASSWORD not in log
    assert "li@shop.example" not in log
    assert fresh not in log


def test_staff_are_invited_listed_and_disabled_by_commands(box: Stack) -> None:
    ((link,),) = [[each["link"]] for each in told(
        box, "staff", "invite", "wang@shop.example", "--role", "analyst"
    )]  # fmt: skip
    page, token = link.split("#token=")
    assert page == f"{box.config.public_url}/console/invitation"
    body = {"token": token, "password": PASSWORD}
    answer = httpx2.post(f"{box.gateway}{API}/invitations:accept", json=body)
    assert answer.status_code == 201, answer.text
    told(box, "staff", "disable", "wang@shop.example")
    cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
    answer = httpx2.get(f"{box.gateway}{API}/sessions/current", headers=cookie)
    assert answer.status_code == 401
    status = {each["email"]: each["status"] for each in told(box, "staff", "list")}
    assert status["wang@shop.example"] == "disabled"
    (reset,) = told(box, "staff", "reset-mfa", "wang@shop.example")
    assert reset["mfa_enrolled"] is False
    assert box.shuke("staff", "disable", "nobody@shop.example").returncode == 2


def test_the_demos_staff_are_one_for_each_role_and_made_once(box: Stack) -> None:
    """Beside an owner, the demo's owner owns its program alone."""

    async def twice() -> tuple[str, Enlisted, Enlisted]:
        async with box.operator() as operator:
            programme = await prepare(operator, box.config, "staff", 0)
            first = await enlist(operator, box.config, programme.program)
            return programme.program, first, await enlist(operator, box.config, programme.program)

    program, staff, again = asyncio.run(twice())
    assert staff == again
    assert len(staff.emails) == 10
    body = {"email": "owner@demo.shuke", "password": staff.password}
    session = httpx2.post(f"{box.gateway}{API}/sessions", json=body).json()
    assert session["permissions"] == []
    assert [each["program_id"] for each in session["programs"]] == [program]
    assert session["mfa"]["required"] is True
    remembered = box.config.keys_dir / "demo-staff.json"
    assert remembered.stat().st_mode & 0o077 == 0
