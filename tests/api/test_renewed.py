"""Tokens of Youzan, sessions of Taobao: renewed in time, kept sealed, by one worker at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial

import pytest
import pytest_asyncio

from services.gateway.connections import Connections
from services.gateway.connectors import taobao_tmc, youzan
from services.gateway.connectors.port import Fetch, NotAuthorised, TryLater
from services.gateway.fetching import store
from services.gateway.fetching.asking import Asking, client
from services.gateway.fetching.calling import Calling
from services.gateway.model import Connection
from services.gateway.settings import USUAL
from services.gateway.tasks.ending import Warner
from shared.clock import system
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.ids import parse_id
from shared.metrics import Metrics
from shared.service import Tasking
from shared.surroundings import Surroundings
from tests.api.harness import Api, ok, open_shop
from tests.api.harness import Shop as Opened
from tests.backing.platforms import TopStandIn, YouzanStandIn
from tests.builders.platforms import CLIENT, CLIENT_SECRET, a_trade, a_youzan_order

pytestmark = pytest.mark.asyncio(loop_scope="session")
API = "/api/gateway/v1"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
TID = "E7"
ORDER = Fetch("order", TID)


class Shop:
    """A shop whose orders are asked for."""

    def __init__(self, opened: Opened, connection: str, database: Database) -> None:
        self.staff = opened.api.caller(opened.program)
        self.connection = connection
        self.path = f"{API}/connections/{connection}"
        self._site = opened.api.site
        self._program = opened.program
        self._database = database

    async def trust(self, values: dict[str, str], ends_at: datetime | None = None) -> None:
        """Give the connection what its token is got by, or is."""
        body = {"values": values, "expires_at": ends_at.isoformat() if ends_at else None}
        ok(await self.staff.send("PUT", f"{self.path}/credentials", body))

    async def read(self) -> Connection:
        """The connection as it is now."""
        connections = Connections(self._database, self._site.keys)
        async with statements(self._database) as tx:
            found = await connections.read(tx, parse_id("whk", self.connection))
        assert found is not None
        return found

    async def ask(
        self,
        platform: YouzanStandIn | TopStandIn,
        after: timedelta = timedelta(),
        connection: Connection | None = None,
    ) -> int:
        """Ask for the order, so long from now; how many events it says."""
        now = system() + after
        urls = {"youzan_url": platform.base, "taobao_url": platform.base}
        config = self._site.config.model_copy(update=urls)
        source = youzan if isinstance(platform, YouzanStandIn) else taobao_tmc
        tasking = Tasking(config, self._database, self._site.keys, Surroundings(clock=lambda: now))
        async with client() as http:
            heard = await Calling(tasking, Asking(tasking, http)).ask(
                connection or await self.read(),
                partial(source.call, ORDER),
                lambda raw: source.detail(ORDER, raw, USUAL),
                now,
            )
        return len(heard.events)

    async def ending(self, after: timedelta = timedelta()) -> dict[str, float]:
        """How many connections are told to end, by kind, so long from now."""
        metrics, now = Metrics(), system() + after
        around = Surroundings(clock=lambda: now, metrics=metrics)
        await Warner(Tasking(self._site.config, self._database, self._site.keys, around)).turn()
        lines = [line for line in metrics.render().decode().split("\n") if "ending{" in line]
        return {line.split('"')[1]: float(line.split()[-1]) for line in lines}

    async def sealed(self) -> bytes:
        """The credentials as they lie in the database."""
        (row,) = await self._site.rows("gateway.credential", self._program)
        return bytes(row["sealed"])

    async def ends_at(self) -> datetime | None:
        """When the token ends, as staff are shown it."""
        shown = ok(await self.staff.get(self.path))["credentials"]["expires_at"]
        return datetime.fromisoformat(shown) if shown else None


@pytest_asyncio.fixture(loop_scope="session")
async def shop(gateway: Api, database: Database) -> Shop:
    """A shop at Youzan."""
    opened = await open_shop(gateway)
    staff = gateway.caller(opened.program)
    secret = f"{CLIENT}:{CLIENT_SECRET}"
    body = {"store_id": opened.store, "source": "youzan", "secret": secret}
    made = ok(await staff.post(f"{API}/connections", body), 201)
    return Shop(opened, made["connection_id"], database)


@pytest_asyncio.fixture(loop_scope="session")
async def platform(shop: Shop) -> AsyncIterator[YouzanStandIn]:
    """The platform, which knows the shop and one order."""
    async with YouzanStandIn() as opened:
        opened.orders[TID] = a_youzan_order(tid=TID)
        await shop.trust(opened.credentials)
        yield opened


async def test_a_token_is_got_at_the_first_call_and_used_for_the_next(
    shop: Shop, platform: YouzanStandIn
) -> None:
    """It lies sealed, and its end is shown."""
    assert await shop.ends_at() is None
    assert [await shop.ask(platform) for _ in range(2)] == [1, 1]
    assert len(platform.tokens) == 1
    ends_at = await shop.ends_at()
    assert ends_at is not None
    assert 6 * DAY < ends_at - system() < 8 * DAY
    assert (await shop.read()).credentials == platform.trusted
    assert platform.token.encode() not in await shop.sealed()


async def test_a_token_is_renewed_a_day_before_it_ends(shop: Shop, platform: YouzanStandIn) -> None:
    await shop.ask(platform)
    await shop.ask(platform, 6 * DAY - MINUTE)
    assert len(platform.tokens) == 1
    assert await shop.ask(platform, 6 * DAY + MINUTE) == 1
    assert len(platform.tokens) == 2


async def test_a_token_that_the_platform_ended_is_renewed_at_once(
    shop: Shop, platform: YouzanStandIn
) -> None:
    """The call that says so is made again."""
    await shop.ask(platform)
    platform.token = "another"
    assert await shop.ask(platform, 2 * MINUTE) == 1
    assert len(platform.tokens) == 2


async def test_workers_that_renew_at_once_get_one_token(
    shop: Shop, platform: YouzanStandIn
) -> None:
    """Whoever does not get it tries later, and then has it."""
    await shop.ask(platform)
    connection, platform.token = await shop.read(), "another"
    asked = [shop.ask(platform, 2 * MINUTE, connection) for _ in range(6)]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert len(platform.tokens) == 2
    assert found.count(1) >= 1
    assert all(each == 1 or isinstance(each, TryLater) for each in found)
    assert await shop.ask(platform, 3 * MINUTE, connection) == 1
    assert len(platform.tokens) == 2


async def test_a_token_that_is_still_good_is_used_while_a_new_one_is_denied(
    shop: Shop, platform: YouzanStandIn
) -> None:
    """The alarm comes a day before the calls end."""
    await shop.ask(platform)
    platform.denying = 140000201
    assert await shop.ask(platform, 6 * DAY + MINUTE) == 1
    platform.token = "another"
    with pytest.raises(NotAuthorised):
        await shop.ask(platform, 7 * DAY + MINUTE)


async def test_credentials_that_get_no_token_are_told_and_right_ones_taken_at_once(
    shop: Shop, platform: YouzanStandIn
) -> None:
    await shop.trust(platform.credentials | {"client_secret": "wrong"})
    with pytest.raises(NotAuthorised, match="140000201"):
        await shop.ask(platform)
    with pytest.raises(TryLater):
        await shop.ask(platform)
    await shop.trust(platform.credentials)
    assert await shop.ask(platform) == 1


async def test_a_token_that_older_credentials_got_is_not_kept(
    shop: Shop, platform: YouzanStandIn, database: Database
) -> None:
    """Staff gave others while the platform was asked; they are asked by at once."""
    connection, now = await shop.read(), system()
    place, until = (connection.program_id, connection.id), now + MINUTE
    async with statements(database) as tx:
        assert await store.claim_renewal(tx, *place, now, until)
        assert not await store.claim_renewal(tx, *place, now, until)
    await shop.trust(platform.credentials)
    async with statements(database) as tx:
        await store.keep_renewed(tx, *place, until, b"of older ones", now + DAY)
    assert (await shop.read()).credentials == platform.credentials
    assert await shop.ask(platform) == 1


async def test_credentials_that_were_given_after_the_connection_was_read_are_the_ones_asked_by(
    shop: Shop, platform: YouzanStandIn
) -> None:
    """Older ones never take their place again."""
    await shop.trust(platform.credentials | {"client_secret": "wrong"})
    connection = await shop.read()
    await shop.trust(platform.credentials)
    assert await shop.ask(platform, connection=connection) == 1
    assert (await shop.read()).credentials == platform.trusted


async def test_a_claim_of_a_worker_that_died_ends(
    shop: Shop, platform: YouzanStandIn, database: Database
) -> None:
    connection, now = await shop.read(), system()
    async with statements(database) as tx:
        place = (connection.program_id, connection.id)
        assert await store.claim_renewal(tx, *place, now, now + MINUTE)
    with pytest.raises(TryLater):
        await shop.ask(platform)
    assert await shop.ask(platform, 2 * MINUTE) == 1


@pytest_asyncio.fixture(loop_scope="session")
async def taobao(gateway: Api, database: Database) -> Shop:
    """A shop at Taobao; no other has credentials."""
    await gateway.site.execute("truncate gateway.credential")
    opened = await open_shop(gateway)
    staff = gateway.caller(opened.program)
    body = {"store_id": opened.store, "source": "taobao-tmc"}
    made = ok(await staff.post(f"{API}/connections", body), 201)
    return Shop(opened, made["connection_id"], database)


@pytest_asyncio.fixture(loop_scope="session")
async def top() -> AsyncIterator[TopStandIn]:
    """The platform, which knows one trade and gives another session for a refresh token."""
    async with TopStandIn() as opened:
        opened.trades[TID] = a_trade(tid_str=TID)
        opened.refresh = "6101"
        yield opened


async def test_a_session_of_taobao_is_renewed_by_its_refresh_token_a_day_before_it_ends(
    taobao: Shop, top: TopStandIn
) -> None:
    """The next one has a refresh token of its own, and an end that staff are shown."""
    await taobao.trust(top.trusted, system() + 3 * DAY)
    assert await taobao.ask(top, 2 * DAY - MINUTE) == 1
    assert top.sessions == []
    assert await taobao.ask(top, 2 * DAY + MINUTE) == 1
    assert top.sessions == ["61001"]
    assert (await taobao.read()).credentials == top.trusted
    ends_at = await taobao.ends_at()
    assert ends_at is not None
    assert ends_at - system() > 29 * DAY


async def test_a_session_that_taobao_ended_is_renewed_at_once(
    taobao: Shop, top: TopStandIn
) -> None:
    await taobao.trust(top.trusted, system() + 9 * DAY)
    top.credentials["session"] = "another"
    assert await taobao.ask(top) == 1
    assert top.sessions == ["61001"]


async def test_a_session_without_a_refresh_token_is_used_to_its_end_and_no_other_is_asked_for(
    taobao: Shop, top: TopStandIn
) -> None:
    await taobao.trust(top.credentials, system() + DAY)
    assert await taobao.ask(top) == 1
    top.credentials["session"] = "another"
    with pytest.raises(NotAuthorised):
        await taobao.ask(top)
    assert "taobao.top.auth.token.refresh" not in {each["method"] for each in top.calls}


async def test_a_refresh_token_that_is_refused_leaves_the_session_that_is_still_good(
    taobao: Shop, top: TopStandIn
) -> None:
    """Whether its end is known or not; what is over is told."""
    refused = top.credentials | {"refresh_token": "of another app"}
    for ends_at in (None, system() + DAY):
        await taobao.trust(refused, ends_at)
        assert await taobao.ask(top) == 1
    with pytest.raises(NotAuthorised):
        await taobao.ask(top, 2 * DAY)
    assert (await taobao.read()).credentials == refused


async def test_staff_are_warned_a_week_before_what_nobody_renews_ends(
    taobao: Shop, top: TopStandIn
) -> None:
    """And only once its renewal is overdue of what renews itself."""
    await taobao.trust(top.credentials, system() + 8 * DAY)
    assert (await taobao.ending())["taobao-tmc"] == 0
    assert (await taobao.ending(DAY + MINUTE))["taobao-tmc"] == 1
    assert (await taobao.ending(9 * DAY))["taobao-tmc"] == 1
    await taobao.trust(top.trusted, system() + 8 * DAY)
    assert (await taobao.ending(7 * DAY))["taobao-tmc"] == 0
    assert (await taobao.ending(7 * DAY + 61 * MINUTE))["taobao-tmc"] == 1
    await taobao.trust(top.credentials)
    assert (await taobao.ending(400 * DAY))["taobao-tmc"] == 0
