"""What is handed out once, and whom a delivery names, is in no line of any log, nor in a table.

Everything that is logged at any level is looked at before fields are dropped, libraries' too.
"""

import base64
import logging
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tests.api.harness import Api, Shop, ok, problem
from tests.builders.deliveries import an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = "/api/gateway/v1"
PERSONAL = ("13800138042", "lin.xiaoyu@example.com")
CREDENTIALS = {"client_id": "cid-5521", "client_secret": "cs-77d1f0c2", "grant_id": "110"}


def forms(secret: str) -> Iterator[str]:
    """A secret as somebody might write it down."""
    bare = secret.partition("_")[2] or secret
    yield from (secret, bare, base64.b64encode(secret.encode()).decode(), secret.encode().hex())


async def flows(shop: Shop) -> list[str]:
    """All that hands out secrets, and uses them well and badly; the secrets."""
    api, staff = shop.api, shop.api.caller(shop.program)
    connection = f"{ROOT}/connections/{shop.connection}"
    wanted = {"name": "Till", "permissions": ["keys.manage", "programs.read"]}
    key = ok(await staff.post(f"{ROOT}/api-keys", wanted), 201)
    heir = ok(await staff.post(f"{ROOT}/api-keys/{key['key_id']}:rotate"), 201)
    second = ok(await staff.post(f"{connection}/secrets"), 201)
    endpoint = ok(await staff.post(f"{ROOT}/endpoints", {"url": "https://hooks.example/"}), 201)
    signing = f"{ROOT}/endpoints/{endpoint['endpoint_id']}"
    rotated = ok(await staff.post(f"{signing}/secrets"), 201)
    body = {"store_id": shop.store, "source": "youzan", "secret": "cid-5521:cs-77d1f0c2"}
    youzan = ok(await staff.post(f"{ROOT}/connections", body), 201)
    path = f"{ROOT}/connections/{youzan['connection_id']}/credentials"
    ok(await staff.send("PUT", path, {"values": CREDENTIALS}))
    problem(await staff.send("PUT", path, {"values": {"token": "t-93b1"}}), 422, "invalid")
    for text in (key["key"], heir["key"]):
        ok(await api.bearing(text).get(f"{ROOT}/api-keys"))
    gone = await staff.send("DELETE", f"{ROOT}/api-keys/{key['key_id']}")
    assert gone.status_code == 204
    unknown = "sk_" + "q" * 51
    for text in (key["key"] + "x", unknown, heir["key"][:-1]):
        problem(await api.bearing(text).get(f"{ROOT}/api-keys"), 401, "unauthenticated")
    who = {"id": "u-9", "phone": PERSONAL[0], "email": PERSONAL[1]}
    ok(await shop.send(an_order_sent(order_id="A-77", customer=who)), 202)
    problem(await shop.send(an_order_sent(customer=who | {"phone": 7})), 422, "invalid-event")
    problem(await shop.send(an_order_sent(customer=who, more=1)), 422, "invalid-event")
    forged = await shop.deliver(b"{}", shop.signed(b"other"))
    problem(forged, 401, "unauthenticated")
    token = api.site.minter.mint("gateway", program=shop.program)
    ok(await api.bearing(token).get(f"{ROOT}/stores"))
    problem(await api.bearing(token[:-4]).get(f"{ROOT}/stores"), 401, "unauthenticated")
    return [
        key["key"], heir["key"], second["secret"], shop.secret, unknown, token, "t-93b1",
        endpoint["secrets"][0]["secret"], rotated["secret"], CREDENTIALS["client_secret"],
    ]  # fmt: skip


async def test_no_secret_and_no_person_is_in_any_line_of_a_log(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        secrets = await flows(shop)
    told = "\n".join([*map(repr, lines), caplog.text, *map(str, caplog.records)])
    assert {line["event"] for line in lines} >= {"refused", "unauthenticated"}
    assert shop.connection in told
    for secret in (*secrets, *PERSONAL):
        for form in forms(secret):
            assert form not in told, secret


async def test_no_secret_and_no_person_is_in_a_table_as_it_is(gateway: Api, shop: Shop) -> None:
    """Sealed, hashed or not at all: no row of the gateway holds one."""
    secrets = await flows(shop)
    tables = await gateway.site.query(
        "select relname from pg_class where relnamespace = 'gateway'::regnamespace "
        "and relkind in ('r', 'p') and not relispartition"
    )
    for table in tables:
        rows = await gateway.site.query(f"select t::text as row from gateway.{table['relname']} t")
        held = "".join(row["row"] for row in rows)
        for secret in (*secrets, *PERSONAL):
            for form in (secret, secret.encode().hex()):
                assert form not in held, (table["relname"], secret)
