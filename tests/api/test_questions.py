"""What Tmall asks about a member: members and points are asked, and nobody waits for long."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from msgspec import convert

from services.gateway.connectors import forms
from services.gateway.questions import Questions
from services.gateway.rules.normalising import Shop
from shared.clock import system
from shared.db.engine import Database
from shared.events.storefront.parts import Identity
from shared.http.tokens import Minter
from shared.ids import parse_id, text_id
from tests.api.harness import RECORDS, Api, ok
from tests.api.test_fetched import China, call, connect, in_beijing
from tests.api.worlds import JOIN, LADDER, POINTS, telling
from tests.builders.members import a_link
from tests.builders.platforms import APP_SECRET, a_signed_query
from tests.builders.storefront import an_order
from tests.builders.storefront import customer as buyer

pytestmark = pytest.mark.asyncio(loop_scope="session")
OUID = "AAG2"
PATIENT_SECONDS = 30.0
AGAIN = {"query_code": "E04"}


@pytest_asyncio.fixture(loop_scope="session")
async def spi(gateway: Api, database: Database) -> China:
    """A shop at Tmall that is called."""
    return await connect(gateway, database, "taobao-spi", APP_SECRET)


async def asked(spi: China, method: str = "member.query", **said: str) -> Any:
    """The answer to a question about a member."""
    raw = json.dumps({"nick": "li", "ouid": OUID} | said).encode()
    query = a_signed_query(f"tmall.mei.crm.{method}", raw, timestamp=in_beijing(system()))
    return ok(await call(spi, query, raw))


async def binding(spi: China, **said: str) -> Any:
    """The answer to the question whether a buyer can be bound."""
    return await asked(spi, "member.bind.query", **said)


async def customer_of(spi: China) -> str:
    """Our id of the buyer."""
    gateway = spi.shop.api
    found = await gateway.app.state.connections.find(parse_id("whk", spi.connection))
    keys = gateway.site.keys
    shop = Shop(found, keys.blind_indexes, system(), keys.seal_contact)
    customer = shop.who(forms.Buyer(id=OUID)).customer_id
    assert customer is not None
    return customer


@asynccontextmanager
async def reaching(
    spi: China, *services: Api, seconds: float = PATIENT_SECONDS
) -> AsyncIterator[None]:
    """The gateway reaches these services; of the others nobody takes a connection."""
    site, intake = spi.shop.api.site, spi.shop.api.app.state.intake
    named = {each.service: f"http://{each.service}.test" for each in services}
    urls = dict.fromkeys(("members", "points"), "http://127.0.0.1:1") | named
    config = site.config.model_copy(update={"urls": urls})
    mounts = {f"all://{each.service}.test": httpx2.ASGITransport(app=each.app) for each in services}
    async with httpx2.AsyncClient(mounts=mounts, trust_env=False) as http:
        with asking(intake, Questions(config, Minter(site.keys), http, seconds)):
            yield


@contextmanager
def asking(intake: Any, questions: Questions) -> Iterator[None]:
    """Intake asks by these."""
    before = intake._questions
    intake._questions = questions
    try:
        yield
    finally:
        intake._questions = before


async def test_a_member_is_told_with_points_and_tier(spi: China, members: Api, points: Api) -> None:
    program, customer = spi.shop.program, await customer_of(spi)
    async with telling(members, program) as told, telling(points, program) as ledger:
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        order = an_order(program, buyer=customer, amount_minor=105_000)
        await told.apply(order)
        (row,) = await told.rows("member")
        async with reaching(spi, members, points):
            found = await asked(spi, mobile="13800138000")
            none = {"point": "0", "level": "2", "nick": "li", "extend": "", "mobile": "13800138000"}
            assert found == {"query_code": "SUC", "member": none}
            await ledger.settings("points", POINTS)
            who = text_id("mem", row["member_id"])
            await ledger.apply(a_link(program, who=who, buyer=customer), order)
            found = await asked(spi)
            assert found["member"] == none | {"point": "1050", "mobile": ""}


async def test_a_customer_who_is_no_member_and_a_stranger_are_told_apart(
    spi: China, members: Api, points: Api
) -> None:
    program, customer = spi.shop.program, await customer_of(spi)
    async with telling(members, program) as told, reaching(spi, members, points):
        assert await asked(spi) == {"query_code": "E01"}
        await told.apply(an_order(program, buyer=customer))
        assert await asked(spi) == {"query_code": "E02"}


async def test_a_member_can_be_bound_and_anybody_else_registers(
    spi: China, members: Api, points: Api
) -> None:
    program, customer = spi.shop.program, await customer_of(spi)
    async with telling(members, program) as told, reaching(spi, members, points):
        assert await binding(spi) == {"bind_code": "E05", "bindable": False}
        await told.settings("join", JOIN)
        await told.apply(an_order(program, buyer=customer))
        assert await binding(spi) == {"bind_code": "SUC", "bindable": True}
        async with reaching(spi, points):
            assert await binding(spi) == {"bind_code": "E04", "bindable": False}


async def test_who_is_a_member_by_a_phone_that_a_shop_vouched_for_can_be_bound(
    spi: China, members: Api, points: Api
) -> None:
    """Bought in another store; Tmall knows the buyer by an id that nobody here has seen."""
    program, phone = spi.shop.program, "13800138000"
    keys = spi.shop.api.site.keys
    proven = {"kind": "phone", "hash": keys.blind_index(program, "phone", f"+86{phone}")}
    async with telling(members, program) as told, reaching(spi, members, points):
        await told.settings("join", JOIN)
        assert (await binding(spi, mobile=phone))["bindable"] is False
        for no, verified in (("A-1", False), ("A-2", True)):
            identity = convert(proven | {"verified": verified}, Identity)
            order = an_order(program, no=no, buyer=buyer("else"), identities=[identity])
            await told.apply(order)
            found = await binding(spi, mobile=phone, ouid="")
            assert found["bindable"] is verified


async def test_while_a_service_is_away_the_platform_asks_again(
    spi: China, members: Api, points: Api
) -> None:
    """A question changes nothing, whatever it is answered."""
    program, customer = spi.shop.program, await customer_of(spi)
    async with telling(members, program) as told:
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        await told.apply(an_order(program, buyer=customer))
        async with spi.shop.nothing_changes(*RECORDS):
            async with reaching(spi, points):
                assert await asked(spi) == AGAIN
            async with reaching(spi, members):
                assert await asked(spi) == AGAIN


async def test_a_service_that_does_not_answer_in_time_is_not_waited_for(spi: China) -> None:
    """The platform waits for about a second."""
    taken = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.set()
        await _reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    site = spi.shop.api.site
    config = site.config.model_copy(update={"urls": {"members": f"http://127.0.0.1:{port}"}})
    async with server, httpx2.AsyncClient(trust_env=False) as http:
        questions = Questions(config, Minter(site.keys), http, 0.2)
        with asking(spi.shop.api.app.state.intake, questions):
            assert await asked(spi) == AGAIN
    assert taken.is_set()


async def test_who_cannot_be_told_is_nobodys_question(spi: China, members: Api) -> None:
    """A masked phone and a nick name no one."""
    async with reaching(spi, members):
        assert await asked(spi, ouid="", mobile="138****8000") == AGAIN
