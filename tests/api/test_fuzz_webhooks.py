"""Whatever a webhook brings, signed or not: never a 5xx, always what the OpenAPI document says."""

import json
import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.throttling import MOST
from tests.api.harness import PROBLEM_KEYS, Api, Shop, open_shop
from tests.api.test_fuzz import CALM, CONFORMING, OPERATIONS
from tests.api.test_platforms import DONE, PAID, REFUND, SECRET, SENT, Platform, connect
from tests.builders.deliveries import a_check_in_sent, a_refund_sent, an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
SINGLE, BULK = "/webhooks/{connection}", "/webhooks/{connection}/bulk"
HOSTILE: Final[tuple[Any, ...]] = (
    None, True, "", "\0", "\ud800", "x" * 70_000, -1, 0, 1.5, 10**20, -(10**20), 10**400, "1e400",
    "9" * 400, "NaN", "٣", [], {}, [None], {"": {}}, "2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999-23:59", "not-an-address@", "+86 138",
)  # fmt: skip
"""What takes the place of a value of a delivery."""
NO_JSON: Final = (
    b"", b" ", b"\xff", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"{", b'{"a":1,"a":2}', b"[]",
    b"null", b"NaN", b'{"a":Infinity}', b"[" * 20_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"a":' + b"1" * 5_000 + b"}", b'"\\ud800"', b"{}\0", b'{"type":"order.completed"}x',
)  # fmt: skip
"""What is no delivery at all."""


def conforms(path: str, answer: httpx2.Response) -> None:
    """An answer is as the document says of the route."""
    assert answer.status_code < 500, answer.text
    label = f"POST {path}"
    operation = next(each.values[1] for each in OPERATIONS if each.values[1].label == label)
    case = operation.Case(path_parameters={"connection": "whk_1"}, body={})
    case.validate_response(answer, checks=CONFORMING)
    if answer.status_code >= 400:
        assert answer.json().keys() == PROBLEM_KEYS


def spoiled(value: Any, other: Any) -> Iterator[Any]:
    """A body with one of its values replaced, each in turn, the whole first."""
    yield other
    if isinstance(value, dict):
        for name, part in value.items():
            yield from (value | {name: each} for each in spoiled(part, other))
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from (
                [*value[:place], each, *value[place + 1 :]] for each in spoiled(part, other)
            )


def some(body: Any, every: int) -> Iterator[bytes]:
    """Spoiled bodies: each value in turn, by each that may hurt; of all these one in `every`."""
    for number, other in enumerate(HOSTILE):
        for place, each in enumerate(spoiled(body, other)):
            if (place + number) % every == 0:
                yield json.dumps(each).encode()


@pytest.mark.parametrize(
    "body",
    [an_order_sent(), a_refund_sent(), a_check_in_sent()],
    ids=["order", "refund", "check-in"],
)
async def test_a_signed_delivery_of_ones_own_never_breaks_intake(shop: Shop, body: Any) -> None:
    """Each value replaced by each that may hurt; alone and among good ones in bulk."""
    for raw in (*some(body, 3), *NO_JSON):
        conforms(SINGLE, await shop.deliver(raw))
        conforms(BULK, await shop.deliver(b'{"events":[%b]}' % raw, bulk=True))
    for raw in (*some({"events": [body]}, 8), *NO_JSON):
        conforms(BULK, await shop.deliver(raw, bulk=True))


SHOPIFY: Final = {"orders/paid": PAID, "orders/fulfilled": SENT, "refunds/create": REFUND}
WOO: Final = {"order.updated": DONE}


async def a_platform_is_told(platform: Platform, topics: Mapping[str, Any], every: int) -> None:
    """A platform's delivery gets 202 whatever it holds: a 4xx would cost the subscription."""
    for topic, body in topics.items():
        for raw in some(body, every):
            answer = await platform.post(raw, platform.signed(raw, topic))
            conforms(SINGLE, answer)
            assert answer.status_code == 202
    for raw in NO_JSON:
        for topic in (*topics, "", "orders/", "x" * 300):
            conforms(SINGLE, await platform.post(raw, platform.signed(raw, topic)))


async def test_a_signed_delivery_of_shopify_never_breaks_intake(gateway: Api) -> None:
    await a_platform_is_told(await connect(gateway, "shopify", SECRET), SHOPIFY, 40)


async def test_a_signed_delivery_of_woocommerce_never_breaks_intake(gateway: Api) -> None:
    await a_platform_is_told(await connect(gateway, "woocommerce"), WOO, 40)


async def test_a_ping_of_woocommerce_is_answered_as_documented(gateway: Api) -> None:
    platform = await connect(gateway, "woocommerce")
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await platform.post(b"webhook_id=7", form)
    assert answer.status_code == 200
    conforms(SINGLE, answer)


HEADERS: Final = (
    "webhook-id", "webhook-timestamp", "webhook-signature", "x-shopify-hmac-sha256",
    "x-wc-webhook-signature", "content-type", "content-encoding", "content-length",
)  # fmt: skip
VALUES: Final = st.one_of(
    st.sampled_from(["", "v1,", "v1,====", "v1a,AAAA", "1e9", "-1", "99999999999999999999", "é"]),
    st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded"]),
    st.sampled_from(["gzip", "identity", "application/json; charset=utf-16", ";;;"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
)


@CALM
@given(
    headers=st.lists(st.tuples(st.sampled_from(HEADERS), VALUES), max_size=6),
    raw=st.one_of(st.binary(max_size=200), st.sampled_from(NO_JSON)),
    path=st.sampled_from([SINGLE, BULK]),
    change=st.sampled_from([
        str,
        string.capwords,
        lambda text: text[:-1],
        lambda _: "whk_" + "a" * 26,
    ]),
)
async def test_a_delivery_that_nobody_signed_is_refused_and_changes_nothing(
    gateway: Api,
    headers: list[tuple[str, str]],
    raw: bytes,
    path: str,
    change: Callable[[str], str],
) -> None:
    """Whatever its headers say, of a connection there is or of none."""
    shop = await open_shop(gateway)
    told = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    told = [each for each in told if each[0] != b"content-length" or each[1].isdigit()]
    async with shop.nothing_changes():
        connection = change(shop.connection)
        answer = await shop.deliver(raw, told, bulk=path == BULK, connection=connection)
    conforms(path, answer)
    assert answer.status_code in {400, 401, 413, 415, 429}


async def test_floods_of_forged_deliveries_are_answered_as_documented(shop: Shop) -> None:
    for _ in range(MOST + 2):
        answer = await shop.deliver(b"{}", {"content-type": "application/json"})
        conforms(SINGLE, answer)
    assert answer.status_code == 429
