"""Calls that connectors make, against loopback servers that speak the platforms' protocols."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx2
import pytest

from services.gateway.connectors import taobao_tmc, youzan
from services.gateway.connectors.port import (
    Call,
    Credentials,
    Fetch,
    Lister,
    NotAuthorised,
    Page,
    TokenOver,
    TryLater,
)
from services.gateway.model import Invalid
from services.gateway.settings import USUAL
from shared.clock import system
from tests.backing.platforms import TopStandIn, YouzanStandIn
from tests.builders.events import instant
from tests.builders.platforms import (
    BUYER,
    a_message,
    a_refund_of_a_trade,
    a_sub_order,
    a_trade,
    a_youzan_order,
    a_youzan_refund,
    topped,
    youzaned,
)

NOW = instant("2026-04-01")
ORDER, REFUND = Fetch("order", "7"), Fetch("refund", "9", "7")


async def send(call: Call) -> bytes:
    """The answer to a call."""
    async with httpx2.AsyncClient() as http:
        answer = await http.request(
            call.method,
            call.url,
            data=dict(call.form) or None,
            json=dict(call.json) or None,
            headers=dict(call.headers),
        )
    return answer.content


async def listed(connector: Lister, base: str, credentials: Credentials) -> list[Fetch]:
    """All pages of a day, one after the other."""
    since = instant("2026-03-01 00:00")
    found: list[Fetch] = []
    page = Page()
    while page.number < 20:
        call = connector.changed(since, since + timedelta(days=1), page, credentials, base, NOW)
        more, goes_on = connector.listed(await send(call))
        found += more
        if not goes_on:
            return found
        page = Page(page.number + 1, more[-1].number)
    raise AssertionError("a listing has no end")


async def test_a_trade_and_a_refund_are_fetched_with_the_fields_that_they_are_read_by() -> None:
    """The platform tells no others."""
    trade = a_trade(a_sub_order(oid_str="7"), tid=7, tid_str="7", tmall_coupon_fee=5)
    refund = a_refund_of_a_trade(refund_id=9)
    async with TopStandIn() as top:
        top.trades["7"], top.refunds["9"] = trade, refund
        for wanted, whole in (
            (ORDER, topped("trade_fullinfo_get", trade=trade)),
            (REFUND, topped("refund_get", refund=refund)),
        ):
            raw = await send(taobao_tmc.call(wanted, top.credentials, top.base, NOW))
            assert taobao_tmc.detail(wanted, raw, USUAL) == taobao_tmc.detail(wanted, whole, USUAL)
            assert b"nick" not in raw


async def test_an_order_and_a_refund_of_youzan_are_fetched() -> None:
    order, refund = a_youzan_order(tid="7"), a_youzan_refund(refund_id="9")
    async with YouzanStandIn() as platform:
        platform.orders["7"], platform.refunds["9"] = order, refund
        for wanted, whole in ((ORDER, order), (REFUND, refund)):
            raw = await send(youzan.call(wanted, platform.trusted, platform.base, NOW))
            assert youzan.detail(wanted, raw, USUAL) == youzan.detail(
                wanted, youzaned(whole), USUAL
            )


@pytest.mark.parametrize(
    ("name", "expected"),
    [("app_secret", Invalid), ("app_key", Invalid), ("session", NotAuthorised)],
)
async def test_a_call_with_a_wrong_credential_is_refused(
    name: str, expected: type[Exception]
) -> None:
    async with TopStandIn() as top:
        top.trades["7"] = a_trade()
        wrong = top.credentials | {name: "wrong"}
        raw = await send(taobao_tmc.call(ORDER, wrong, top.base, NOW))
        with pytest.raises(expected):
            taobao_tmc.detail(ORDER, raw, USUAL)


async def test_a_token_is_got_by_the_app_and_ends_the_one_before() -> None:
    async with YouzanStandIn() as platform:
        platform.orders["7"] = a_youzan_order(tid="7")
        old = platform.trusted
        raw = await send(youzan.renew(old, platform.base, NOW))
        values, ends = youzan.renewed(raw, NOW)
        assert timedelta(days=6) < ends - system() < timedelta(days=8)
        good = youzan.call(ORDER, old | dict(values), platform.base, NOW)
        assert youzan.detail(ORDER, await send(good), USUAL).events
        with pytest.raises(TokenOver):
            youzan.detail(ORDER, await send(youzan.call(ORDER, old, platform.base, NOW)), USUAL)


async def test_wrong_halves_of_the_app_get_no_token() -> None:
    async with YouzanStandIn() as platform:
        wrong = platform.credentials | {"client_secret": "wrong"}
        raw = await send(youzan.renew(wrong, platform.base, NOW))
        with pytest.raises(NotAuthorised):
            youzan.renewed(raw, NOW)


async def test_a_token_that_is_over_is_no_reason_to_try_again() -> None:
    async with YouzanStandIn() as platform:
        raw = await send(youzan.call(ORDER, {"access_token": "old"}, platform.base, NOW))
        with pytest.raises(NotAuthorised):
            youzan.detail(ORDER, raw, USUAL)


async def test_what_is_not_there_yet_or_called_too_often_is_tried_again() -> None:
    async with YouzanStandIn() as platform:
        call = youzan.call(ORDER, platform.trusted, platform.base, NOW)
        with pytest.raises(TryLater):
            youzan.detail(ORDER, await send(call), USUAL)
        platform.orders["7"] = a_youzan_order(tid="7")
        assert youzan.detail(ORDER, await send(call), USUAL).events
    async with TopStandIn() as top:
        top.trades["7"] = a_trade()
        top.fail(7, "accesscontrol.limited-by-app-access-count")
        call = taobao_tmc.call(ORDER, top.credentials, top.base, NOW)
        with pytest.raises(TryLater):
            taobao_tmc.detail(ORDER, await send(call), USUAL)
        assert taobao_tmc.detail(ORDER, await send(call), USUAL).events


async def test_messages_come_again_until_they_are_confirmed() -> None:
    async with TopStandIn() as top:
        top.messages = [
            a_message("taobao_trade_TradeSuccess", number, tid=7, buyer_open_uid=BUYER)
            for number in (1, 2, 3)
        ]

        async def consumed() -> list[str]:
            raw = await send(taobao_tmc.consume(top.credentials, top.base, NOW))
            return [str(each.id) for each in taobao_tmc.messages(raw)]

        assert await consumed() == ["1", "2", "3"]
        assert await consumed() == ["1", "2", "3"]
        await send(taobao_tmc.confirm(["1", "3"], top.credentials, top.base, NOW))
        assert await consumed() == ["2"]
        await send(taobao_tmc.confirm(["2"], top.credentials, top.base, NOW))
        assert await consumed() == []


async def test_a_seller_permits_messages_with_their_session() -> None:
    async with TopStandIn() as top:
        await send(taobao_tmc.permit(top.credentials, top.base, NOW))
        assert top.permitted


async def _taobao(count: int) -> tuple[list[Fetch], int]:
    async with TopStandIn() as top:
        for number in range(count):
            at = f"2026-03-01 {8 + number // 60:02}:{number % 60:02}:00"
            top.trades[str(number)] = a_trade(tid_str=str(number), modified=at)
        top.trades["late"] = a_trade(tid_str="late", modified="2026-03-02 08:00:01")
        found = await listed(taobao_tmc, top.base, top.credentials)
        return found, len(top.calls)


async def _youzan(count: int) -> tuple[list[Fetch], int]:
    async with YouzanStandIn() as platform:
        for number in range(count):
            at = f"2026-03-01 {8 + number // 60:02}:{number % 60:02}:00"
            platform.orders[str(number)] = a_youzan_order(tid=str(number), update_time=at)
        platform.orders["late"] = a_youzan_order(tid="late", update_time="2026-03-02 08:00:01")
        found = await listed(youzan, platform.base, platform.trusted)
        return found, len(platform.calls)


@pytest.mark.parametrize(
    ("listing", "count", "calls"),
    [(_taobao, 0, 1), (_taobao, 101, 2), (_taobao, 200, 2), (_youzan, 0, 1), (_youzan, 101, 2),
     (_youzan, 200, 3)],
)  # fmt: skip
async def test_a_listing_shows_all_that_changed_page_by_page(
    listing: Callable[[int], Awaitable[tuple[list[Fetch], int]]], count: int, calls: int
) -> None:
    """Youzan does not say whether a full page is the last."""
    found, made = await listing(count)
    assert {each.number for each in found} == {str(number) for number in range(count)}
    assert made == calls
