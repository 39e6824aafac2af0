"""Secrets that overlap and end, bodies without an end, headers given twice: taken, or refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.gateway.bodies import SINGLE_BYTES
from services.gateway.connectors import generic
from tests.api.harness import Shop, ok, problem
from tests.builders.deliveries import a_check_in_sent, an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
WAIT_SECONDS = 10.0
REQUESTS, AT_ONCE = 1_000, 20
CHUNK = 64 * 1024


def refused(shop: Shop, reason: str) -> float:
    """How many deliveries of the generic connector were refused for a reason so far."""
    told = shop.api.app.state.metrics.render().decode()
    name = f'shuke_intake_total{{kind="generic",result="{reason}"}} '
    return next((float(line[len(name) :]) for line in told.splitlines() if name in line), 0.0)


async def test_two_secrets_alternate_and_none_is_refused_until_one_ends_which_is_alarmed(
    shop: Shop,
) -> None:
    """A thousand requests, every other by the new secret; then the old one's get 401, loudly."""
    staff = shop.api.caller(shop.program)
    path = f"/api/gateway/v1/connections/{shop.connection}/secrets"
    (old,) = ok(await staff.get(path))["items"]
    fresh = ok(await staff.post(path), 201)
    renewed = Shop(shop.api, shop.program, shop.store, shop.connection, fresh["secret"])
    for start in range(0, REQUESTS, AT_ONCE):
        answers = await asyncio.gather(
            *(
                (shop, renewed)[number % 2].send(a_check_in_sent("2026-03-02", f"u-{number}"))
                for number in range(start, start + AT_ONCE)
            )
        )
        assert [ok(answer, 202)["status"] for answer in answers] == ["published"] * AT_ONCE
    ended = await staff.post(f"{path}/{old['secret_id']}:end", {"after_hours": 0})
    assert ended.status_code == 204
    async with asyncio.timeout(WAIT_SECONDS):  # records are written soon after the answers
        while len(await shop.api.site.rows("gateway.delivery", shop.program)) < REQUESTS:
            await asyncio.sleep(0.05)
    before = refused(shop, "secret-expired")
    async with shop.nothing_changes():
        with capture_logs() as lines:
            body = problem(await shop.send(a_check_in_sent("2026-03-03")), 401, "unauthenticated")
    assert body["detail"] == "The delivery is not authentic."
    assert refused(shop, "secret-expired") == before + 1
    assert [line for line in lines if line["log_level"] == "error"] == [
        {
            "event": "refused",
            "log_level": "error",
            "service": "gateway",
            "reason": "secret-expired",
            "connection": shop.connection,
        }
    ]
    answer = await renewed.send(a_check_in_sent("2026-03-03"))
    assert ok(answer, 202)["status"] == "published"


async def test_a_forged_delivery_is_no_alarm(shop: Shop) -> None:
    """Anybody can send one; a secret that has ended can only be its owner's."""
    raw, wrong = json.dumps(an_order_sent()).encode(), "v1," + "A" * 43 + "="
    before = refused(shop, "signature-wrong")
    with capture_logs() as lines:
        sent = shop.signed(raw) | {"webhook-signature": wrong}
        problem(await shop.deliver(raw, sent), 401, "unauthenticated")
    assert refused(shop, "signature-wrong") == before + 1
    assert [line["log_level"] for line in lines if line["event"] == "refused"] == ["info"]


async def test_two_mib_without_length_are_refused_after_one_and_a_chunk(shop: Shop) -> None:
    """What comes behind the limit is never asked for."""
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(2 * SINGLE_BYTES // CHUNK):
            asked += CHUNK
            await asyncio.sleep(0)
            yield b" " * CHUNK

    async with shop.nothing_changes():
        problem(await shop.deliver(endless(), shop.signed(b"")), 413, "too-large")
    assert SINGLE_BYTES < asked <= SINGLE_BYTES + CHUNK


@pytest.mark.parametrize("first", ["right", "wrong"])
async def test_two_signature_headers_of_which_one_is_right_are_refused(
    shop: Shop, first: str
) -> None:
    """Whoever stands between might have put either there."""
    raw = json.dumps(an_order_sent()).encode()
    headers: dict[str, Any] = shop.signed(raw)
    name = generic.SIGNED_HEADERS[-1]
    pair = [(name, headers.pop(name)), (name, "v1," + "A" * 43 + "=")]
    both = [*headers.items(), *(pair if first == "right" else pair[::-1])]
    async with shop.nothing_changes():
        problem(await shop.deliver(raw, both), 401, "unauthenticated")
    assert ok(await shop.deliver(raw), 202)["status"] == "published"
