"""Deliveries as they came: kept for a while, shown, read again with one effect at most."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.gateway.tasks.forgetting import Forgetter
from services.gateway.tasks.replaying import Replayer
from shared.clock import system
from shared.db.engine import Database
from shared.ids import uuid_of
from shared.random_ids import random_id
from shared.service import Tasking
from shared.surroundings import Surroundings
from tests.api.harness import Caller, Shop, ok, problem
from tests.builders.deliveries import a_check_in_sent, a_refund_sent, an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
WAIT_SECONDS = 10.0
API = "/api/gateway/v1"
SOON = timedelta(minutes=30)
EARLY = {"type": "check-in", "customer": {"id": "u-1001"}}


@pytest.fixture
def staff(shop: Shop) -> Caller:
    """Somebody who may do everything in the shop's program."""
    return shop.api.caller(shop.program)


def tasking(shop: Shop, database: Database, ahead: timedelta = timedelta()) -> Tasking:
    """What a task works with; its clock is ahead by so much."""
    site = shop.api.site
    around = Surroundings(clock=lambda: system() + ahead)
    return Tasking(site.config, database, site.keys, around)


async def forget(shop: Shop, database: Database, days: int) -> None:
    """Let the worker forget what is old so many days from now."""
    forgetter = Forgetter(tasking(shop, database, timedelta(days=days)))
    while await forgetter.turn():
        pass


def early() -> dict[str, Any]:
    """A check-in that is ahead of our clock: not to be taken yet."""
    return EARLY | {"occurred_at": (system() + SOON).isoformat()}


async def kept(shop: Shop, count: int = 1) -> None:
    """Wait until so many bodies are kept, which is soon after the answer."""
    async with asyncio.timeout(WAIT_SECONDS):
        while len(await shop.api.site.rows("gateway.delivery_body", shop.program)) < count:
            await asyncio.sleep(0.02)


async def outgoing(shop: Shop) -> list[dict[str, Any]]:
    """Events of the shop that the gateway has yet to send."""
    rows = await shop.api.site.query(
        "select payloads from gateway.outbox where topic = 'storefront' order by id"
    )
    events = [json.loads(payload) for row in rows for payload in row["payloads"]]
    return [each for each in events if each["programid"] == shop.program]


async def only(staff: Caller) -> dict[str, Any]:
    """The one delivery of the program."""
    (item,) = ok(await staff.get(f"{API}/deliveries"))["items"]
    found: dict[str, Any] = item
    return found


async def test_a_delivery_is_shown_as_it_came_with_what_it_would_give(
    shop: Shop, staff: Caller
) -> None:
    raw = json.dumps(an_order_sent()).encode()
    answer = ok(await shop.deliver(raw), 202)
    await kept(shop)
    (event,) = await shop.api.site.told("storefront", shop.program)
    shown = ok(await staff.get(f"{API}/deliveries/{answer['delivery']}/body"))
    assert shown["body"] == raw.decode()
    assert shown["headers"]["webhook-signature"].startswith("v1,")
    assert shown["events"] == [
        {"type": "shuke.order-completed.v1", "id": event["id"], "event": event}
    ]
    reader = shop.api.caller(shop.program, "deliveries.read")
    problem(await reader.get(f"{API}/deliveries/{answer['delivery']}/body"), 403, "forbidden")
    problem(await reader.post(f"{API}/deliveries/{answer['delivery']}:replay"), 403, "forbidden")


async def test_no_body_is_readable_in_the_table(shop: Shop) -> None:
    await shop.send(an_order_sent(customer={"id": "u-1", "phone": "13800138000"}))
    await kept(shop)
    (row,) = await shop.api.site.rows("gateway.delivery_body", shop.program)
    assert b"13800138000" not in row["block"]
    assert b"order.completed" not in row["block"]


async def test_what_failed_is_read_again_and_then_has_its_effect(shop: Shop, staff: Caller) -> None:
    problem(await shop.send(early()), 422, "invalid-event")
    failed = await only(staff)
    assert (failed["status"], failed["attempt"]) == ("failed", 1)
    with shop.api.at(system() + SOON):
        again = ok(await staff.post(f"{API}/deliveries/{failed['delivery_id']}:replay"))
    assert (again["status"], again["attempt"], again["reason"]) == ("published", 2, None)
    (event,) = await outgoing(shop)
    assert (event["type"], event["id"]) == ("shuke.check-in.v1", again["event_id"])


async def test_what_was_published_has_the_same_id_when_read_again(
    shop: Shop, staff: Caller
) -> None:
    answer = ok(await shop.send(an_order_sent()), 202)
    await kept(shop)
    ok(await staff.post(f"{API}/deliveries/{answer['delivery']}:replay"))
    (first,) = await shop.api.site.told("storefront", shop.program)
    assert [each["id"] for each in await outgoing(shop)] == [first["id"]]
    await shop.api.site.execute(
        "insert into gateway.inbox values ($1, $2)",
        UUID(first["id"]),
        0,
    )
    again = ok(await staff.post(f"{API}/deliveries/{answer['delivery']}:replay"))
    assert again["status"] == "conflict"  # another digest took effect under this id
    assert len(await outgoing(shop)) == 1


async def test_one_event_of_a_bulk_delivery_is_read_again_alone(shop: Shop, staff: Caller) -> None:
    ok(await shop.send_all(a_check_in_sent(), early(), a_check_in_sent("2026-03-03")), 202)
    (failed,) = ok(await staff.get(f"{API}/deliveries", status="failed"))["items"]
    with shop.api.at(system() + SOON):
        again = ok(await staff.post(f"{API}/deliveries/{failed['delivery_id']}:replay"))
    assert again["status"] == "published"
    assert [each["id"] for each in await outgoing(shop)] == [again["event_id"]]
    others = ok(await staff.get(f"{API}/deliveries", status="published"))["items"]
    assert sorted(each["attempt"] for each in others) == [1, 1, 2]


async def test_a_refund_that_waits_goes_on_waiting_when_read_again(
    shop: Shop, staff: Caller
) -> None:
    ok(await shop.send(a_refund_sent(customer=None)), 202)
    waiting = await only(staff)
    assert (waiting["status"], waiting["reason"]) == ("waiting", "order-unknown")
    again = ok(await staff.post(f"{API}/deliveries/{waiting['delivery_id']}:replay"))
    assert (again["status"], again["reason"]) == ("waiting", "order-unknown")
    assert len(await shop.api.site.rows("gateway.waiting_event", shop.program)) == 1
    assert await outgoing(shop) == []


async def test_many_are_read_again_as_a_job(shop: Shop, staff: Caller, database: Database) -> None:
    for hour in range(3):
        at = system() + SOON - timedelta(minutes=hour)
        problem(await shop.send(EARLY | {"occurred_at": at.isoformat()}), 422, "invalid-event")
    body = {"connection_id": shop.connection, "statuses": ["failed"]}
    asked = ok(await staff.post(f"{API}/replays", body), 202)
    assert (asked["total"], asked["done"], asked["finished_at"]) == (3, 0, None)
    replayer = Replayer(tasking(shop, database, SOON))
    while await replayer.turn():
        pass
    ended = ok(await staff.get(f"{API}/replays/{asked['replay_id']}"))
    assert (ended["done"], ended["outcomes"]) == (3, {"published": 3})
    assert ended["finished_at"] is not None
    assert len(await outgoing(shop)) == 3
    other = ok(await staff.post(f"{API}/replays", body | {"until": "2026-01-01T00:00:00Z"}), 202)
    assert other["total"] == 0


async def test_a_body_is_gone_with_the_key_of_its_day(
    shop: Shop, staff: Caller, database: Database
) -> None:
    """7 days after what was published, 30 after what failed."""
    done = ok(await shop.send(an_order_sent()), 202)
    await kept(shop)
    problem(await shop.send(early()), 422, "invalid-event")
    await kept(shop, 2)
    failed = next(
        each
        for each in ok(await staff.get(f"{API}/deliveries"))["items"]
        if each["status"] == "failed"
    )
    for days, gone in ((7, []), (8, [done["delivery"]]), (31, [failed["delivery_id"]])):
        await forget(shop, database, days)
        for delivery in (done["delivery"], failed["delivery_id"]):
            answer = await staff.get(f"{API}/deliveries/{delivery}/body")
            if delivery in gone:
                problem(answer, 409, "body-gone")
    assert await shop.api.site.rows("gateway.body_key", shop.program) == []
    assert await shop.api.site.rows("gateway.delivery_body", shop.program) == []


async def test_a_refund_whose_order_never_came_has_failed_after_seven_days(
    shop: Shop, staff: Caller, database: Database
) -> None:
    """It is sent when the order comes after all."""
    ok(await shop.send(a_refund_sent(customer=None)), 202)
    await forget(shop, database, 6)
    assert (await only(staff))["status"] == "waiting"
    await forget(shop, database, 8)
    assert (await only(staff))["status"] == "failed"
    (row,) = await shop.api.site.rows("gateway.waiting_event", shop.program)
    assert row["state"] == 0


async def test_whose_an_order_is_is_known_for_400_days(shop: Shop, database: Database) -> None:
    """One is kept for ever: it tells that the program has orders."""
    orders = sorted(random_id() for _ in range(3))
    await shop.api.site.execute(
        """
        insert into gateway.known_order
        select program_id, unnest($2::uuid[]), 'x', unnest($3::timestamptz[])
        from gateway.program where public_id = $1
        """,
        uuid_of(shop.program),
        orders,
        [system() - timedelta(days=days) for days in (401, 401, 399)],
    )
    await forget(shop, database, 0)
    rows = await shop.api.site.rows("gateway.known_order", shop.program)
    assert sorted(row["order_id"] for row in rows) == [orders[0], orders[2]]
