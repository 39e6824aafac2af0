"""What a shop told of a person through the running box: nowhere in the clear, gone when erased.

Signed webhooks, one that nobody can read among them, an endpoint outside, the processes' own logs
and a dump. The days until the erasure pass in a process whose clock is told.
"""

import asyncio
import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from services.members.model import RequestErasure
from services.members.repeating import Repeater
from shared.clock import system
from shared.days import render
from shared.ids import uuid_of
from shuke.demo.programme import Operator, Programme, expect, prepare
from shuke.embedded import tools
from tests.builders.deliveries import an_order_sent
from tests.e2e import stack as processes
from tests.e2e.receiving import Receiver, receiver
from tests.e2e.stack import Stack
from tests.flow.whole import Whole, whole

pytestmark = pytest.mark.timeout(240)
CANARIES: Final = ("13800135678", "张三丰", "canary.anna@x.com", "1990-05-12")
BUYER: Final = {
    "id": "u-1001", "phone": "+86 138 0013 5678", "email": "Canary.Anna@x.com", "name": "张三丰",
    "birthday": "1990-05-12", "verified": ["phone"],
}  # fmt: skip
MASKED: Final = "138****5678"
PERSONAL: Final = ("identity", "contact", "contact_block", "subject_key")


def told() -> list[dict[str, Any]]:
    """An order with the buyer, who the buyer is, and an order that lacks what one needs."""
    now = render(system())
    times = {"placed_at": now, "paid_at": now, "completed_at": now}
    order = an_order_sent(order_id="A-1", currency="USD", customer=BUYER, **times)
    return [
        order,
        {"type": "customer.updated", "customer": BUYER, "updated_at": now},
        {"type": "refund", "order_id": BUYER["phone"], "customer": BUYER},
    ]


async def planted(stack: Stack, operator: Operator, programme: Programme) -> str:
    """The member whom the box has made of it, with a profile that it shows masked."""
    for number, (event, status) in enumerate(zip(told(), (202, 202, 422), strict=True)):
        body = json.dumps(event).encode()
        answer = await stack.deliver(programme.connection, programme.secret, f"c-{number}", body)
        assert answer.status_code == status, answer.text
    forged = await stack.deliver(programme.connection, "whsec_" + "A" * 32, "c-9", body)
    assert forged.status_code == 401
    await stack.quiet()
    async with asyncio.timeout(60):
        while True:
            asked = await operator.ask("GET", "/members/v1/members", programme.program)
            (member,) = expect(asked)["items"]
            identity: str = member["member_id"]
            shown = await operator.ask("GET", f"/members/v1/members/{identity}", programme.program)
            if MASKED in shown.text:
                return identity
            await asyncio.sleep(0.2)


def postgres(url: str, tool: str, *words: str | Path) -> None:
    """Run a tool of PostgreSQL on a database."""
    asked = [tools() / tool, "--dbname", url, *words]
    done = subprocess.run(asked, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def looked(stack: Stack) -> subprocess.CompletedProcess[str]:
    """What the scan says of database, log, and the data folder with a dump made now."""
    url = stack.config.database_url_of("members")
    postgres(url, "pg_dump", "-f", stack.config.data_dir / "dump.sql")
    needles = [word for canary in CANARIES for word in ("--needle", canary)]
    return stack.shuke("verify", "privacy", *needles)


async def ledger(services: Whole) -> list[Any]:
    """What was earned, and what counts for tiers."""
    return [
        await services.rows("points", "select * from entry order by posted_at, source_id"),
        await services.rows("points", "select * from account order by holder_id"),
        await services.rows("members", "select * from tier_fact order by fact_key"),
    ]


async def forgotten(services: Whole, program: str, member: str) -> None:
    """The member asked to be forgotten five days ago; the program's first day ends."""
    before = await ledger(services)
    assert all(before)
    for table in PERSONAL[:2]:
        assert await services.rows("members", f"select from {table}"), table
    wanted = RequestErasure(uuid_of(member), "member", "asked")
    asked = await services.ask("members", program, wanted, system() - timedelta(days=5))
    assert asked.status == 201
    async with services.working():
        await services.tick(system() + timedelta(days=1))
        await services.quiet()
    for table in PERSONAL:
        assert await services.rows("members", f"select from {table}") == [], table
    assert await ledger(services) == before
    assert await services.violations() == []


async def noted(services: Whole, data: Path) -> None:
    """The worker of members writes outside the database who was forgotten."""
    assert await Repeater(services.databases["members"], data, system).turn() == 0


async def forgotten_again(services: Whole) -> None:
    """What a restored backup brought back goes at once; the rest when the program's day ends."""
    before = await ledger(services)
    for table in PERSONAL[1:]:
        assert await services.rows("members", f"select from {table}") == [], table
    assert await services.rows("members", "select from identity")
    async with services.working():
        await services.tick(system() + timedelta(days=1))
        await services.quiet()
    assert await services.rows("members", "select from identity") == []
    assert await ledger(services) == before
    assert await services.violations() == []


async def test_what_the_box_was_told_of_a_person_is_nowhere_and_gone_when_they_are_forgotten(
    server: str, fresh_database: str, tmp_path: Path
) -> None:
    """A backup from before brings nothing back. The look can fail: a file with a name is told."""
    more = {"SHUKE_ENDPOINT_NETWORKS": "127.0.0.0/8", "SHUKE_LOG_LEVEL": "info"}
    with receiver() as to, processes.box(tmp_path, fresh_database, **more) as stack:
        async with stack.operator() as operator:
            programme = await prepare(operator, stack.config, "canaries", 0)
            wanted = {"url": to.url, "types": ["order-completed", "member-joined"]}
            await operator.made("/gateway/v1/endpoints", programme.program, wanted)
            member = await planted(stack, operator, programme)
            await sent_on(to, tmp_path / "endpoint.txt")
            found = looked(stack)
            assert (found.returncode, found.stderr) == (0, ""), found.stdout
    backup = tmp_path / "backup"
    postgres(fresh_database, "pg_dump", "-Fc", "-f", backup)
    async with whole(tmp_path, fresh_database) as services:
        await forgotten(services, programme.program, member)
        await noted(services, stack.config.data_dir)
    found = looked(stack)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout

    postgres(server, "pg_restore", "--clean", "--create", backup)
    found = stack.shuke("erasures", "replay")
    assert (found.returncode, found.stdout) == (0, "1 erasures are repeated\n"), found.stderr
    async with whole(tmp_path, fresh_database) as services:
        await forgotten_again(services)
    backup.unlink()
    found = looked(stack)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
    (tmp_path / "clear.txt").write_text(f"to {CANARIES[1]}", encoding="utf-8")
    found = looked(stack)
    assert (found.returncode, found.stdout.count("needle 2, 1 times")) == (1, 1)


async def sent_on(to: Receiver, path: Path) -> None:
    """Wait until the endpoint has heard of order and member; what it heard is in a file."""
    async with asyncio.timeout(30):
        while len(to.got) < 2:
            await asyncio.sleep(0.1)
    await asyncio.to_thread(path.write_bytes, b"\n".join(body for _, body in to.got))
