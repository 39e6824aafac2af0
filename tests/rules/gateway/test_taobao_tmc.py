"""Messages of Taobao: pulled, read, confirmed."""

from typing import Any

import msgspec
import pytest

from services.gateway.connectors import taobao_tmc
from services.gateway.connectors.port import Fetch, Heard, Message, NotAuthorised, TryLater
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import USUAL, ConnectionSettings
from shared.events.storefront.activity import Activity
from shared.events.storefront.customer_updated import CustomerUpdated
from tests.builders.events import instant
from tests.builders.platforms import BUYER, DONE, a_message, refused, topped
from tests.builders.programs import PROGRAM
from tests.builders.storefront import order_id
from tests.rules.gateway.heard import events

CREDENTIALS = {"app_key": "12345678", "app_secret": "appsecret", "session": "6100"}
NOW = instant("2026-04-01")
TID, OID = 2918463734761365258, 2918463734761365259


def said(topic: str, settings: ConnectionSettings = USUAL, **content: Any) -> Heard:
    """What a message says."""
    message = msgspec.convert(a_message(topic, **content), Message)
    return taobao_tmc.read_message(message, settings)


def test_messages_of_an_answer() -> None:
    raw = topped(
        "tmc_messages_consume",
        messages={"tmc_message": [a_message("taobao_trade_TradeSuccess", tid=TID)]},
    )
    (message,) = taobao_tmc.messages(raw)
    assert (message.id, message.topic) == (7104300007405429232, "taobao_trade_TradeSuccess")
    assert list(taobao_tmc.messages(topped("tmc_messages_consume"))) == []


def test_a_message_that_was_kept_is_read_alike() -> None:
    message = msgspec.convert(a_message("taobao_trade_TradeSuccess", tid=TID), Message)
    raw = msgspec.json.encode(message)
    assert taobao_tmc.read(raw, {}, USUAL) == taobao_tmc.read_message(message, USUAL)
    assert taobao_tmc.delivery_id(raw, {}) == "7104300007405429232"


@pytest.mark.parametrize(("error", "code"), [(TryLater, 7), (NotAuthorised, 12)])
def test_errors_of_the_queue_are_told_apart(error: type[Exception], code: int) -> None:
    with pytest.raises(error):
        taobao_tmc.messages(refused(code))


def test_consuming_and_confirming_are_the_apps_and_permitting_the_sellers() -> None:
    consume = taobao_tmc.consume(CREDENTIALS, "http://top", NOW)
    confirm = taobao_tmc.confirm(["1", "2"], CREDENTIALS, "http://top", NOW)
    permit = taobao_tmc.permit(CREDENTIALS, "http://top", NOW)
    assert (consume.form["quantity"], confirm.form["s_message_ids"]) == ("100", "1,2")
    assert [("session" in each.form) for each in (consume, confirm, permit)] == [False, False, True]


@pytest.mark.parametrize(
    "end",
    ["BuyerPay", "SellerShip", "Success", "Close", "CloseAndModifyDetailOrder", "Changed"],
)
def test_what_may_change_a_trade_is_followed_by_its_detail(end: str) -> None:
    """What the message says about money is not believed."""
    heard = said(f"taobao_trade_Trade{end}", tid=TID, oid=OID, payment="1.00")
    assert (heard.fetch, heard.events) == (Fetch("order", str(TID)), ())


def test_a_refund_is_followed_by_its_detail() -> None:
    heard = said("taobao_refund_RefundSuccess", tid=TID, oid=OID, refund_id=2**60 + 1)
    assert heard.fetch == Fetch("refund", str(2**60 + 1), str(TID))


@pytest.mark.parametrize("at", ["2026-03-01 18:00:00", 1772359200000, "1772359200000"])
def test_who_joined_as_a_member_has_joined(at: Any) -> None:
    heard = said("taobao_opencrm_MemberJoinPrivate", user=BUYER, join_time=at, seller="tea house")
    (joined,) = events(heard, "taobao-tmc")
    assert isinstance(joined, CustomerUpdated)
    assert joined.join is not None
    assert joined.join.at == instant("2026-03-01 10:00")
    assert joined.assurance == "high"


def test_a_review_by_the_buyer_is_an_activity() -> None:
    heard = said("taobao_trade_TradeRated", tid=TID, oid=OID, rater="buyer", buyer_open_uid=BUYER)
    (review,) = events(heard, "taobao-tmc")
    assert isinstance(review, Activity)
    assert (review.action, review.line_id) == ("review", str(OID))
    assert review.order_id == order_id(PROGRAM, str(TID))


def test_one_buyer_is_one_customer_in_trades_reviews_and_joins() -> None:
    joined = said("taobao_opencrm_MemberJoinPrivate", user=BUYER, join_time=DONE)
    rated = said("taobao_trade_TradeRated", rater="buyer", buyer_open_uid=BUYER)
    ids = {events(heard, "taobao-tmc")[0].customer_id for heard in (joined, rated)}
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("topic", "content"),
    [
        ("taobao_trade_TradeRated", {"rater": "seller", "buyer_open_uid": BUYER}),
        ("taobao_trade_TradeRated", {"rater": "buyer", "buyer_nick": "li"}),
        ("taobao_opencrm_MemberJoinPrivate", {"join_time": DONE}),
        ("taobao_opencrm_MemberJoin", {"user": "li", "join_time": DONE}),
        ("taobao_trade_TradeCreate", {"tid": TID}),
        ("taobao_trade_TradePartlyConfirmPay", {"tid": TID}),
        ("taobao_refund_RefundCreated", {"tid": TID, "refund_id": 1}),
        ("Success", {"tid": TID}),
        ("taobao_opencrm_CouponUseUp", {"user": {"of": "another form"}}),
        ("", {}),
    ],
)
def test_what_says_nothing_to_us_is_left_alone(topic: str, content: dict[str, Any]) -> None:
    heard = said(topic, **content)
    assert heard.ignored is not None
    assert heard.fetch is None


@pytest.mark.parametrize("at", ["yesterday", "", "²", 0, 7, 10**15, "9" * 5_000])
def test_a_join_without_a_time_is_unreadable(at: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        said("taobao_opencrm_MemberJoinPrivate", user=BUYER, join_time=at)
    assert refusal.value.error.code == "time-malformed"


@pytest.mark.parametrize("topic", ["taobao_trade_TradeSuccess", "taobao_refund_RefundSuccess"])
def test_a_message_without_a_number_is_unreadable(topic: str) -> None:
    with pytest.raises(Invalid, match="is required"):
        said(topic)


def test_another_sellers_message_is_left_alone() -> None:
    """The queue is the app's, which may serve several shops."""
    theirs, ours = ConnectionSettings(shop="other"), ConnectionSettings(shop="tea house")
    assert said("taobao_trade_TradeSuccess", theirs, tid=TID).ignored == "of another seller"
    assert said("taobao_trade_TradeSuccess", ours, tid=TID).fetch is not None


def test_nothing_can_be_delivered_to_it() -> None:
    with pytest.raises(Refusal, match="takes-no-deliveries"):
        taobao_tmc.verify(b"{}", {}, [("sec_1", "appsecret")], USUAL, NOW)
