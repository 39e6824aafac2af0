"""Endpoints outside and their messages, as staff see them."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.gateway.outbound.managing import MOST_ENDPOINTS
from shared.clock import system
from shared.db.transaction import transaction
from shared.events import codec
from shared.ids import parse_id, uuid_of
from tests.api.harness import Api, Caller, Shop, ok, open_shop, problem

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT = "/api/gateway/v1"
URL = "https://hooks.example/shuke"
NOBODY = "ept_caireeyuculbogazdinryhi6d4"
EVER = {"since": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}


async def add(shop: Shop, **wanted: Any) -> dict[str, Any]:
    """An endpoint of the shop's program."""
    body = {"url": URL} | wanted
    made: dict[str, Any] = ok(await staff(shop).post(f"{ROOT}/endpoints", body), 201)
    return made


def staff(shop: Shop) -> Caller:
    """Somebody who may do everything in the program."""
    return shop.api.caller(shop.program)


def at(endpoint: dict[str, Any], more: str = "") -> str:
    """The path of an endpoint."""
    return f"{ROOT}/endpoints/{endpoint['endpoint_id']}{more}"


async def set_state(shop: Shop, message: str, state: int) -> None:
    """What became of a message, as its sender would have it."""
    await shop.api.site.execute(
        "update gateway.message set state = $1 where message_id = $2",
        state,
        parse_id("msg", message),
    )


async def test_an_endpoint_is_made_and_its_secret_shown_this_once(shop: Shop) -> None:
    made = await add(shop, types=["order-completed", "refund"], name="ERP", ordered=True)
    (secret,) = made.pop("secrets")
    assert secret["secret"].startswith("whsec_")
    assert (made["url"], made["types"], made["name"], made["ordered"], made["state"]) == (
        URL,
        ["order-completed", "refund"],
        "ERP",
        True,
        "enabled",
    )
    assert ok(await staff(shop).get(at(made))) == made
    assert ok(await staff(shop).get(f"{ROOT}/endpoints"))["items"] == [made]
    (line,) = ok(await staff(shop).get(at(made, "/secrets")))["items"]
    assert line["secret_id"] == secret["secret_id"]
    assert "secret" not in line
    (row,) = await shop.api.site.rows("gateway.endpoint_secret", shop.program)
    assert secret["secret"].encode() not in row["sealed"]


async def test_a_public_key_is_shown_of_ed25519_and_never_the_private_one(shop: Shop) -> None:
    made = await add(shop, signature="v1a")
    (secret,) = made["secrets"]
    assert (secret["signature"], secret["secret"][:5]) == ("v1a", "whpk_")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://hooks.example/"}, "/url"),
        ({"url": "https://hooks.example:22/"}, "/url"),
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "/url"),
        ({"url": "https://user:pass@hooks.example/"}, "/url"),
        ({"url": "ftp://hooks.example/"}, "/url"),
        ({"url": ""}, "/url"),
        ({"types": []}, "/types"),
        ({"types": ["order-compleated"]}, "/types/0"),
        ({"types": ["event-quarantined"]}, "/types/0"),
        ({"name": "x" * 201}, "/name"),
        ({"signature": "v2"}, "/signature"),
        ({"secret": "mine"}, "/secret"),
    ],
)
async def test_an_endpoint_that_cannot_be_is_refused(
    shop: Shop, change: dict[str, Any], pointer: str
) -> None:
    async with shop.nothing_changes():
        answer = await staff(shop).post(f"{ROOT}/endpoints", {"url": URL} | change)
        body = problem(answer, 422, "invalid")
        assert [error["pointer"] for error in body["errors"]] == [pointer]


async def test_a_program_has_at_most_fifty_endpoints(gateway: Api) -> None:
    shop = await open_shop(gateway)
    for _ in range(MOST_ENDPOINTS):
        made = await add(shop)
    async with shop.nothing_changes():
        answer = await staff(shop).post(f"{ROOT}/endpoints", {"url": URL})
        problem(answer, 409, "state-conflict")
    await staff(shop).send("DELETE", at(made))
    await add(shop)


async def test_a_change_names_what_was_seen(shop: Shop) -> None:
    made = await add(shop)
    seen = await staff(shop).get(at(made))
    etag = seen.headers["etag"]
    changed = await staff(shop).send("PATCH", at(made), {"types": ["refund"]}, if_match=etag)
    assert ok(changed)["types"] == ["refund"]
    assert ok(changed)["url"] == URL
    assert changed.headers["etag"] != etag
    async with shop.nothing_changes():
        body = {"name": "late"}
        stale = await staff(shop).send("PATCH", at(made), body, if_match=etag)
        problem(stale, 412, "version-stale")
        problem(await staff(shop).send("PATCH", at(made), body), 428, "if-match-required")
        problem(await staff(shop).send("PATCH", at(made), {}, if_match="*"), 422, "invalid")
        wrong = {"url": "https://10.0.0.1/"}
        problem(await staff(shop).send("PATCH", at(made), wrong, if_match="*"), 422, "invalid")
    assert ok(await staff(shop).send("PATCH", at(made), body, if_match="*"))["name"] == "late"


async def test_an_endpoint_is_disabled_and_enabled_and_says_when_it_is_already(
    shop: Shop,
) -> None:
    made = await add(shop)
    disabled = ok(await staff(shop).post(at(made, ":disable")))
    assert (disabled["state"], disabled["reason"]) == ("disabled", "staff")
    async with shop.nothing_changes():
        problem(await staff(shop).post(at(made, ":disable")), 409, "state-conflict")
        problem(await staff(shop).post(at(made, ":test")), 409, "state-conflict")
    enabled = ok(await staff(shop).post(at(made, ":enable")))
    assert (enabled["state"], enabled["reason"]) == ("enabled", None)
    problem(await staff(shop).post(at(made, ":enable")), 409, "state-conflict")


async def test_a_removed_endpoint_is_gone_with_its_secrets(shop: Shop) -> None:
    made = await add(shop)
    answer = await staff(shop).send("DELETE", at(made))
    assert (answer.status_code, answer.content) == (204, b"")
    for path in (at(made), at(made, "/secrets")):
        found = await staff(shop).get(path)
        assert found.status_code == 404 or found.json() == {"items": []}
    problem(await staff(shop).send("DELETE", at(made)), 404, "not-found")
    problem(await staff(shop).post(at(made, ":enable")), 404, "not-found")
    assert ok(await staff(shop).get(f"{ROOT}/endpoints"))["items"] == []
    assert await shop.api.site.rows("gateway.endpoint_secret", shop.program) == []


async def test_a_rotation_ends_the_older_secrets_in_a_day_and_keeps_one_that_lasts(
    shop: Shop,
) -> None:
    made = await add(shop)
    new = ok(await staff(shop).post(at(made, "/secrets")), 201)
    older, newer = ok(await staff(shop).get(at(made, "/secrets")))["items"]
    assert newer == {**newer, "secret_id": new["secret_id"], "not_after": None}
    ends = datetime.fromisoformat(older["not_after"]) - system()
    assert timedelta(hours=23) < ends <= timedelta(hours=24)
    end = at(made, f"/secrets/{older['secret_id']}:end")
    answer = await staff(shop).post(end, {"after_hours": 0})
    assert answer.status_code == 204
    async with shop.nothing_changes():
        last = at(made, f"/secrets/{new['secret_id']}:end")
        problem(await staff(shop).post(last, {}), 409, "state-conflict")
        nobody = at(made, "/secrets/sec_caireeyuculbogazdinryhi6d4:end")
        problem(await staff(shop).post(nobody, {}), 404, "not-found")
    for _ in range(4):
        ok(await staff(shop).post(at(made, "/secrets")), 201)
    async with shop.nothing_changes():
        problem(await staff(shop).post(at(made, "/secrets")), 409, "state-conflict")


async def test_a_test_sends_an_example_of_a_type_that_says_what_it_is(shop: Shop) -> None:
    made = await add(shop, types=["refund"])
    usual = ok(await staff(shop).post(at(made, ":test")), 202)
    assert (usual["type"], usual["state"], usual["attempts"]) == ("refund", "pending", 0)
    wanted = {"type": "tier-changed"}
    other = ok(await staff(shop).post(at(made, ":test"), wanted), 202)
    found = ok(await staff(shop).get(f"{ROOT}/messages/{other['message_id']}"))
    body = found["body"]
    assert (body["type"], body["programid"], body["test"]) == (
        "shuke.tier-changed.v1",
        shop.program,
        True,
    )
    assert body["id"] == other["event_id"]
    assert found["tries"] == []
    async with shop.nothing_changes():
        wrong = await staff(shop).post(at(made, ":test"), {"type": "nonsense"})
        problem(wrong, 422, "invalid")


async def test_an_example_is_an_event_that_any_reader_takes(shop: Shop) -> None:
    made = await add(shop)
    message = ok(await staff(shop).post(at(made, ":test"), {"type": "order-completed"}), 202)
    rows = await shop.api.site.rows("gateway.message", shop.program)
    (body,) = [row["body"] for row in rows]
    event = codec.decode(body, system())
    assert event is not None
    assert (str(event.id), event.subject) == (message["event_id"], message["subject"])


async def test_a_message_goes_out_again_whatever_became_of_it(shop: Shop) -> None:
    made = await add(shop)
    message = ok(await staff(shop).post(at(made, ":test")), 202)["message_id"]
    path = f"{ROOT}/messages/{message}:replay"
    for state in (1, 2):
        await set_state(shop, message, state)
        assert ok(await staff(shop).post(path), 202)["state"] == "pending"
    await shop.api.site.execute(
        "update gateway.message set claimed_until = now() + interval '1 minute' "
        "where message_id = $1",
        parse_id("msg", message),
    )
    async with shop.nothing_changes():
        problem(await staff(shop).post(path), 409, "state-conflict")
    nobody = f"{ROOT}/messages/msg_caireeyuculbogazdinryhi6d4:replay"
    problem(await staff(shop).post(nobody), 404, "not-found")


async def test_what_was_given_up_in_a_time_goes_out_again(shop: Shop) -> None:
    made, other = await add(shop), await add(shop)
    ids = [ok(await staff(shop).post(at(made, ":test")), 202)["message_id"] for _ in range(4)]
    apart = ok(await staff(shop).post(at(other, ":test")), 202)["message_id"]
    for message, state in zip([*ids, apart], (2, 2, 1, 0, 2), strict=True):
        await set_state(shop, message, state)
    path = at(made, ":replay")
    before = EVER | {"until": "2026-02-01T00:00:00Z"}
    assert ok(await staff(shop).post(path, before), 202) == {"messages": 0}
    assert ok(await staff(shop).post(path, EVER), 202) == {"messages": 2}
    assert ok(await staff(shop).post(path, EVER), 202) == {"messages": 0}
    assert ok(await staff(shop).post(path, EVER | {"state": "all"}), 202) == {"messages": 1}
    states = {
        row["message_id"]: row["state"]
        for row in ok(await staff(shop).get(f"{ROOT}/messages"))["items"]
    }
    assert [states[message] for message in ids] == ["pending"] * 4
    assert states[apart] == "exhausted"
    async with shop.nothing_changes():
        problem(await staff(shop).post(path, {"since": "2026-01-01"}), 422, "invalid")


async def test_more_than_ten_thousand_do_not_go_out_at_once(gateway: Api) -> None:
    shop = await open_shop(gateway)
    made = await add(shop)
    async with transaction(gateway.app.state.database) as tx:
        await tx.execute(
            """
            insert into message (program_id, message_id, endpoint_id, event_id, type, subject,
                                 body, state, step, attempts, created_at, due_at)
            select p.program_id, overlay(gen_random_uuid()::text placing '019b' from 1)::uuid, $1,
                   gen_random_uuid(), 'refund', 's', '{}', 2, 8, 8, now(), now()
            from program p, generate_series(1, 10001) where p.public_id = $2
            """,
            parse_id("ept", made["endpoint_id"]),
            uuid_of(shop.program),
        )
    everything = {"since": "1970-01-01T00:00:00Z", "until": "9999-01-01T00:00:00Z"}
    async with shop.nothing_changes():
        body = problem(await staff(shop).post(at(made, ":replay"), everything), 422, "invalid")
        assert [error["pointer"] for error in body["errors"]] == ["/until"]


async def test_messages_are_read_with_one_permission_and_sent_again_with_another(
    shop: Shop,
) -> None:
    made = await add(shop)
    message = ok(await staff(shop).post(at(made, ":test")), 202)["message_id"]
    reader = shop.api.caller(shop.program, "messages.read")
    assert len(ok(await reader.get(f"{ROOT}/messages", endpoint_id=made["endpoint_id"]))["items"])
    ok(await reader.get(f"{ROOT}/messages/{message}"))
    problem(await reader.post(f"{ROOT}/messages/{message}:replay"), 403, "forbidden")
    problem(await reader.get(f"{ROOT}/endpoints"), 403, "forbidden")
    manager = shop.api.caller(shop.program, "endpoints.manage")
    ok(await manager.post(f"{ROOT}/messages/{message}:replay"), 202)
    problem(await manager.get(f"{ROOT}/messages"), 403, "forbidden")
    problem(await reader.get(f"{ROOT}/messages", state="lost"), 422, "invalid")
    problem(await reader.get(f"{ROOT}/messages", endpoint_id="nonsense"), 404, "not-found")
    assert ok(await reader.get(f"{ROOT}/messages", endpoint_id=NOBODY))["items"] == []
