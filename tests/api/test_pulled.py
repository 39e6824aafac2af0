"""What is pulled: messages of Taobao, and what changed at Youzan that nobody told."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.gateway.fetching.asking import Asking, client
from services.gateway.tasks.fetching import Fetcher
from services.gateway.tasks.pulling import Pulling
from services.gateway.trying import Trying
from shared.clock import system
from shared.db.engine import Database
from shared.service import Tasking
from shared.surroundings import Surroundings
from tests.api.harness import Api, Caller, ok, open_shop, problem
from tests.backing.platforms import StandIn, TopStandIn, YouzanStandIn
from tests.builders.platforms import (
    CLIENT,
    CLIENT_SECRET,
    a_message,
    a_refund_of_a_trade,
    a_trade,
    a_youzan_order,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
API = "/api/gateway/v1"
TID = "2918463734761365258"
PAY = "taobao_trade_TradeBuyerPay"
MINUTE = timedelta(minutes=1)


class Pulled:
    """A shop whose platform is asked."""

    def __init__(self, staff: Caller, program: str, connection: str, api: Api) -> None:
        self.staff = staff
        self.program = program
        self.path = f"{API}/connections/{connection}"
        self._site = api.site

    async def trust(self, platform: TopStandIn | YouzanStandIn) -> None:
        """Give the connection what its calls need."""
        body = {"values": platform.credentials}
        ok(await self.staff.send("PUT", f"{self.path}/credentials", body))

    async def work(
        self, database: Database, platform: StandIn, after: timedelta = timedelta(), turns: int = 3
    ) -> None:
        """Let the worker pull so often, and fetch what is due, so long from now."""
        at: dict[str, datetime] = {"now": system() + after}
        urls = {"youzan_url": platform.base, "taobao_url": platform.base}
        config = self._site.config.model_copy(update=urls)
        around = Surroundings(clock=lambda: at["now"])
        tasking = Tasking(config, database, self._site.keys, around)
        async with client() as http:
            asking = Asking(tasking, http)
            pulling, fetcher = Pulling(tasking, asking), Fetcher(tasking, asking)
            for _ in range(turns):
                await pulling.turn()
                at["now"] += 2 * MINUTE
                await fetcher.turn()

    async def deliveries(self) -> list[tuple[str, str]]:
        """Types and statuses of what was pulled."""
        items = ok(await self.staff.get(f"{API}/deliveries"))["items"]
        return sorted((each["type"] or "", each["status"]) for each in items)

    async def told(self) -> list[str]:
        """Types of what the worker sends."""
        rows = await self._site.query(
            "select payloads from gateway.outbox where topic = 'storefront' order by id"
        )
        events = [json.loads(payload) for row in rows for payload in row["payloads"]]
        return [each["type"].split(".")[1] for each in events if each["programid"] == self.program]

    async def seen(self) -> None:
        """Its worker has read what it sent: the gateway's own inbox knows it."""
        await self._site.execute(
            """
            insert into gateway.inbox
            select distinct on (d.event_id) d.event_id, d.digest from gateway.delivery d
            join gateway.program p using (program_id)
            where d.event_id is not null and d.status = 'published'
            on conflict do nothing
            """
        )


async def connect(gateway: Api, **body: str) -> Pulled:
    """A shop; no other is pulled from."""
    await gateway.site.execute("truncate gateway.pull")
    shop = await open_shop(gateway)
    staff = gateway.caller(shop.program)
    made = ok(await staff.post(f"{API}/connections", {"store_id": shop.store} | body), 201)
    return Pulled(staff, shop.program, made["connection_id"], gateway)


@pytest_asyncio.fixture(loop_scope="session")
async def tmc(gateway: Api) -> Pulled:
    """A shop at Taobao whose messages are taken."""
    return await connect(gateway, source="taobao-tmc")


@pytest_asyncio.fixture(loop_scope="session")
async def youzan(gateway: Api) -> Pulled:
    """A shop at Youzan."""
    return await connect(gateway, source="youzan", secret=f"{CLIENT}:{CLIENT_SECRET}")


def methods(platform: StandIn) -> list[str]:
    """What was called, in order."""
    return [call["method"] for call in platform.calls]


async def test_messages_are_taken_their_trades_fetched_and_confirmed(
    tmc: Pulled, database: Database
) -> None:
    async with TopStandIn() as top:
        top.trades[TID] = a_trade()
        top.messages = [a_message(PAY, 1, tid=TID), a_message("taobao_item_ItemAdd", 2)]
        await tmc.trust(top)
        await tmc.work(database, top, turns=1)
        assert top.permitted
        assert top.messages == []
        assert await tmc.told() == ["order-paid"]
        statuses = [("order-paid", "published"), ("taobao_item_ItemAdd", "ignored")]
        assert await tmc.deliveries() == statuses
        shown = ok(await tmc.staff.get(tmc.path))
        assert shown["credentials"]["trouble"] is None


async def test_messages_that_were_not_confirmed_come_again_and_have_one_effect(
    tmc: Pulled, database: Database
) -> None:
    async with TopStandIn() as top:
        top.trades[TID] = a_trade()
        top.messages = [a_message(PAY, 1, tid=TID)]
        await tmc.trust(top)
        await tmc.work(database, top, turns=1)
        await tmc.seen()
        top.messages = [a_message(PAY, 1, tid=TID)]
        await tmc.work(database, top, MINUTE, turns=1)
        assert top.messages == []
        assert await tmc.told() == ["order-paid"]
        assert ("order-paid", "duplicate") in await tmc.deliveries()


async def test_a_refund_whose_order_nobody_told_lets_the_order_be_fetched(
    tmc: Pulled, database: Database
) -> None:
    """The refund waits until the worker has read whose the order is."""
    number = str(a_refund_of_a_trade()["refund_id"])
    async with TopStandIn() as top:
        top.trades[TID] = a_trade()
        top.refunds[number] = a_refund_of_a_trade()
        back = a_message("taobao_refund_RefundSuccess", 3, tid=TID, refund_id=number)
        top.messages = [back]
        await tmc.trust(top)
        await tmc.work(database, top)
        assert await tmc.told() == ["order-paid"]
        assert await tmc.deliveries() == [("order-paid", "published"), ("refund", "waiting")]


async def test_credentials_that_are_over_are_told_and_new_ones_taken(
    tmc: Pulled, database: Database
) -> None:
    async with TopStandIn() as top:
        top.messages = [a_message(PAY, 1, tid=TID)]
        await tmc.trust(top)
        top.fail(27, times=2)  # messages and changes are pulled at once
        await tmc.work(database, top, turns=1)
        assert "27" in ok(await tmc.staff.get(tmc.path))["credentials"]["trouble"]
        assert len(top.messages) == 1
        top.trades[TID] = a_trade()
        await tmc.trust(top)
        await tmc.work(database, top, turns=1)
        assert ok(await tmc.staff.get(tmc.path))["credentials"]["trouble"] is None
        assert await tmc.told() == ["order-paid"]


async def test_a_trade_that_cannot_be_read_has_failed_and_its_message_is_gone(
    tmc: Pulled, database: Database
) -> None:
    async with TopStandIn() as top:
        top.trades[TID] = a_trade(payment="1.00")
        top.messages = [a_message(PAY, 1, tid=TID)]
        await tmc.trust(top)
        await tmc.work(database, top, turns=1)
        assert top.messages == []
        assert [status for _, status in await tmc.deliveries()] == ["failed"]
        assert await tmc.told() == []


async def test_what_nobody_told_is_found_by_comparing_and_what_agrees_is_not_recorded(
    youzan: Pulled, database: Database
) -> None:
    """Every 15 minutes, and at once when somebody asks."""
    async with YouzanStandIn() as platform:
        await youzan.trust(platform)
        await youzan.work(database, platform, turns=1)
        assert methods(platform) == ["youzan.trades.sold.get/4.0.4"]
        changed = a_youzan_order()
        at = system() + timedelta(hours=8) + 8 * MINUTE
        changed["full_order_info"]["order_info"]["update_time"] = f"{at:%Y-%m-%d %H:%M:%S}"
        platform.orders[changed["full_order_info"]["order_info"]["tid"]] = changed
        await youzan.work(database, platform, 10 * MINUTE, turns=1)
        assert await youzan.told() == []
        await youzan.work(database, platform, 16 * MINUTE, turns=1)
        assert await youzan.told() == ["order-paid"]
        assert await youzan.deliveries() == [("order-paid", "published")]
        await youzan.seen()
        ok(await youzan.staff.post(f"{youzan.path}:reconcile"), 202)
        await youzan.work(database, platform, 17 * MINUTE, turns=1)
        assert methods(platform).count("youzan.trade.get/4.0.2") == 2
        assert await youzan.told() == ["order-paid"]
        assert await youzan.deliveries() == [("order-paid", "published")]


async def test_a_connection_is_tried_by_a_call_that_changes_nothing(
    youzan: Pulled, gateway: Api, database: Database
) -> None:
    async with YouzanStandIn() as platform:
        assert ok(await youzan.staff.post(f"{youzan.path}:test")) == {
            "asked": False, "trouble": None, "last_delivery": None,
        }  # fmt: skip
        await youzan.trust(platform)
        config = gateway.site.config.model_copy(update={"youzan_url": platform.base})
        tasking = Tasking(config, database, gateway.site.keys, Surroundings())
        before = gateway.app.state.trying
        async with client() as http:
            gateway.app.state.trying = Trying(tasking, Asking(tasking, http))
            tried = ok(await youzan.staff.post(f"{youzan.path}:test"))
            assert (tried["asked"], tried["trouble"]) == (True, None)
            platform.fail(5001)
            tried = ok(await youzan.staff.post(f"{youzan.path}:test"))
            assert "5001" in tried["trouble"]
        gateway.app.state.trying = before
        assert await youzan.told() == []
        assert await youzan.deliveries() == []


async def test_a_shop_that_cannot_be_asked_is_not_compared(gateway: Api) -> None:
    generic = await connect(gateway, source="generic")
    problem(await generic.staff.post(f"{generic.path}:reconcile"), 409, "state-conflict")
    youzan = await connect(gateway, source="youzan", secret=f"{CLIENT}:{CLIENT_SECRET}")
    problem(await youzan.staff.post(f"{youzan.path}:reconcile"), 409, "state-conflict")
    wrong = {"values": {"token": "x"}}
    answer = await youzan.staff.send("PUT", f"{youzan.path}/credentials", wrong)
    assert problem(answer, 422, "invalid")["errors"][0]["pointer"] == "/values"


async def test_credentials_are_never_shown_and_lie_sealed(gateway: Api, tmc: Pulled) -> None:
    values = {"app_key": "1", "app_secret": "very secret", "session": "6100"}
    body: dict[str, Any] = {"values": values, "expires_at": "2027-01-01T00:00:00Z"}
    made = ok(await tmc.staff.send("PUT", f"{tmc.path}/credentials", body))
    assert "very secret" not in json.dumps(made)
    assert made["credentials"]["expires_at"] == "2027-01-01T00:00:00.000Z"
    (row,) = await gateway.site.rows("gateway.credential", tmc.program)
    assert b"very secret" not in row["sealed"]
