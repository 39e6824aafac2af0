"""The WooCommerce connector: signature, orders with their refunds, customers."""

import json
from typing import Any

import pytest

from services.gateway.connectors import woocommerce
from services.gateway.model import Invalid, Refusal
from services.gateway.settings import USUAL, ConnectionSettings
from shared.events.storefront.customer_updated import CustomerUpdated
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from tests.builders.events import instant
from tests.builders.programs import PROGRAM
from tests.builders.storefront import order_id, refund_id
from tests.rules.gateway.heard import NOW, events, heard, payload

DOCS = payload("woocommerce", "docs_order")
PENDING = payload("woocommerce", "order_created")
SECRETS = [("sec_1", "other"), ("sec_2", "shhh")]
SIGNED = {"x-wc-webhook-signature": "Lcc9Yf2U6zbkFFL44wuL0uEJMTo4Q8mC5iIG3KWCtLA="}


def said(body: dict[str, Any], topic: str = "order.updated") -> list[Any]:
    """Events of a delivery."""
    return events(heard(woocommerce, body, x_wc_webhook_topic=topic), "woocommerce", region="US")


def test_the_vector_of_the_signature() -> None:
    assert woocommerce.verify(b'{"id":1}', SIGNED, SECRETS, USUAL, NOW) == "sec_2"
    with pytest.raises(Refusal, match="signature-wrong"):
        woocommerce.verify(b'{"id": 1}', SIGNED, SECRETS, USUAL, NOW)
    with pytest.raises(Refusal, match="header-missing"):
        woocommerce.verify(b'{"id":1}', {}, SECRETS, USUAL, NOW)


def test_an_order_as_the_documentation_has_it() -> None:
    """Its phone is no number, so the buyer is known by the e-mail."""
    (paid,) = said(DOCS)
    assert isinstance(paid, OrderPaid)
    assert [(line.net_minor, line.tax_minor) for line in paid.lines] == [(600, 45), (1_200, 90)]
    assert (paid.tax_minor, paid.shipping_minor, paid.total_minor) == (135, 1_000, 2_935)
    assert [each.kind for each in paid.identities] == ["email"]
    assert paid.customer_id is not None
    assert paid.lines[1].title == "Ship Your Idea – Color: Black, Size: M Test"
    assert paid.order_id == order_id(PROGRAM, "727")
    assert paid.paid_at == instant("2017-03-22 19:28:08")


def test_an_order_as_a_shop_sent_it_counts_from_its_payment_on() -> None:
    """While it is pending it is ignored; "2.000" are 200 cents, of the account that bought."""
    told = heard(woocommerce, PENDING, x_wc_webhook_topic="order.created")
    assert (told.ignored, told.events) == ("status pending", ())
    (paid,) = said(PENDING | {"status": "processing"})
    assert isinstance(paid, OrderPaid)
    assert (paid.total_minor, paid.guest) == (200, False)
    (by_account,) = said(PENDING | {"status": "processing", "customer_id": 1, "billing": {}})
    assert paid.customer_id == by_account.customer_id


def order(**changes: Any) -> dict[str, Any]:
    """Lines of 10.00 and 20.00 (2.00 off the second) with a tenth of tax, freight 5.00 taxed."""
    lines = [
        {"id": 1, "sku": "A", "quantity": 1, "subtotal": "10.00", "total": "10.00",
         "total_tax": "1.00"},
        {"id": 2, "sku": "B", "quantity": 2, "subtotal": "20.00", "total": "18.00",
         "total_tax": "1.80"},
    ]  # fmt: skip
    return DOCS | {
        "line_items": lines,
        "shipping_total": "5.00",
        "shipping_tax": "0.50",
        "total": "36.30",
        "customer_id": 9,
        **changes,
    }


CREDIT = {"code": "credit-7", "discount": "2.00", "discount_tax": "0.20"}


@pytest.mark.parametrize("total", ["36.30", "26.30"])
def test_what_a_gift_card_paid_is_told_apart_whether_or_not_the_total_holds_it(total: str) -> None:
    (paid,) = said(order(gift_cards=[{"id": 1, "amount": "4.00"}, {"amount": 6.0}], total=total))
    assert (paid.gift_card_minor, paid.total_minor) == (1_000, 3_630)
    assert [line.net_minor for line in paid.lines] == [1_000, 1_800]


@pytest.mark.parametrize(
    "kind",
    [
        {"discount_type": "smart_coupon"},
        {"meta_data": [{"key": "coupon_data", "value": {"discount_type": "smart_coupon"}}]},
    ],
)
def test_lines_that_store_credit_made_cheaper_get_their_price_back(kind: dict[str, Any]) -> None:
    """It took 2.00 off the second line and 0.20 off its tax: that was paid, too."""
    (paid,) = said(order(coupon_lines=[CREDIT | kind]))
    assert [(line.net_minor, line.discount_minor) for line in paid.lines] == [
        (1_000, 0),
        (2_000, 0),
    ]
    assert (paid.tax_minor, paid.gift_card_minor, paid.total_minor) == (300, 220, 3_850)


def test_credit_that_only_the_total_lacks_is_told_without_touching_lines() -> None:
    coupon = CREDIT | {"discount_type": "smart_coupon"}
    (paid,) = said(order(coupon_lines=[coupon], total="34.10"))
    assert [line.net_minor for line in paid.lines] == [1_000, 1_800]
    assert (paid.gift_card_minor, paid.total_minor) == (220, 3_630)


def test_gift_card_and_credit_of_one_order_are_both_told() -> None:
    coupon = CREDIT | {"discount_type": "smart_coupon"}
    card = [{"amount": "5.00"}]
    (paid,) = said(order(coupon_lines=[coupon], gift_cards=card, total="31.30"))
    assert (paid.gift_card_minor, paid.total_minor) == (720, 3_850)


def test_a_coupon_of_another_type_is_a_discount() -> None:
    for kind in ("percent", None):
        (paid,) = said(order(coupon_lines=[CREDIT | {"discount_type": kind}]))
        assert (paid.gift_card_minor, paid.total_minor, paid.discount_minor) == (0, 3_630, 200)


def test_more_credit_than_the_lines_tell_of_is_left_alone() -> None:
    coupon = {"code": "c", "discount": "9.00", "discount_type": "smart_coupon"}
    (paid,) = said(order(coupon_lines=[coupon]))
    assert (paid.gift_card_minor, paid.total_minor) == (0, 3_630)


def test_types_of_credit_can_be_set() -> None:
    settings = ConnectionSettings(credit_coupons=["wallet"])
    told = woocommerce.read(
        json.dumps(order(coupon_lines=[CREDIT | {"discount_type": "wallet"}])).encode(),
        {"x-wc-webhook-topic": "order.updated"},
        settings,
    )
    (paid,) = events(told, "woocommerce", region="US")
    assert paid.gift_card_minor == 220


def test_an_order_whose_parts_do_not_show_what_cards_paid_fails_in_sight() -> None:
    told = heard(
        woocommerce,
        order(gift_cards=[{"amount": "4.00"}], total="20.00"),
        x_wc_webhook_topic="order.updated",
    )
    with pytest.raises(Invalid, match="differs from the sum"):
        events(told, "woocommerce", region="US")


def test_discount_tax_and_freight() -> None:
    (paid,) = said(order(coupon_lines=[{"code": "spring"}]))
    assert [(each.list_minor, each.discount_minor, each.tax_minor) for each in paid.lines] == [
        (1_000, 0, 100),
        (2_000, 200, 180),
    ]
    assert (paid.shipping_minor, paid.shipping_tax_minor) == (500, 50)
    assert paid.coupon_codes == ["spring"]


def test_a_fee_is_a_line_and_one_below_zero_a_discount() -> None:
    fees = [
        {"id": 3, "name": "Wrap", "total": "1.00", "total_tax": "0.10"},
        {"id": 4, "name": "Regular", "total": "-2.80", "total_tax": "-0.29"},
    ]
    (paid,) = said(order(fee_lines=fees, total="34.31"))
    assert [(line.kind, line.net_minor, line.tax_minor) for line in paid.lines] == [
        ("goods", 900, 90),
        ("goods", 1_620, 162),
        ("fee", 100, 9),
    ]


def test_the_account_comes_before_phone_and_mail() -> None:
    account, guest = said(order())[0], said(order(customer_id=0))[0]
    nobody = said(order(customer_id=0, billing={}))[0]
    assert len({account.customer_id, guest.customer_id, nobody.customer_id}) == 3
    assert nobody.guest


def test_what_was_noted_for_us() -> None:
    noted = [
        {"id": 1, "key": "shuke_redemption_ids", "value": "red_1"},
        {"id": 2, "key": "shuke_hold_ids", "value": {"not": "text"}},
        {"id": 3, "key": "other", "value": 3},
    ]
    (paid,) = said(order(meta_data=noted))
    assert (paid.redemption_ids, paid.hold_ids) == (["red_1"], [])


@pytest.mark.parametrize("status", ["pending", "on-hold", "failed", "draft", "checkout-draft", "x"])
def test_what_is_not_paid_is_left_alone(status: str) -> None:
    told = heard(woocommerce, order(status=status), x_wc_webhook_topic="order.updated")
    assert told.ignored == f"status {status}"


@pytest.mark.parametrize("topic", ["", "order.deleted", "product.updated", "coupon.created"])
def test_other_topics_are_left_alone(topic: str) -> None:
    assert heard(woocommerce, {"id": 1}, x_wc_webhook_topic=topic).ignored is not None


def test_an_order_is_completed_a_week_after_the_shop_marked_it() -> None:
    done = order(status="completed", date_completed_gmt="2017-03-25T10:00:00")
    told = heard(woocommerce, done, x_wc_webhook_topic="order.updated")
    assert told.pending is not None
    assert told.pending.due_at == instant("2017-04-01 10:00")
    assert heard(woocommerce, order(), x_wc_webhook_topic="order.updated").pending is None


def test_a_cancellation_has_the_time_of_the_last_change() -> None:
    (cancelled,) = said(order(status="cancelled"))
    assert isinstance(cancelled, OrderCancelled)
    assert cancelled.cancelled_at == instant("2017-03-22 19:28:08")


def test_refunds_come_with_their_order() -> None:
    back = [
        {"id": 801, "reason": "late", "total": "-5.00"},
        {"id": 802, "reason": "", "total": "-1.30"},
    ]
    paid, first, second = said(order(refunds=back))
    assert isinstance(paid, OrderPaid)
    assert isinstance(first, Refund)
    assert (first.amount_minor, first.total_minor, first.scope) == (500, 500, "amount")
    assert (first.refund_id, second.refund_id) == (
        refund_id(PROGRAM, "801"),
        refund_id(PROGRAM, "802"),
    )
    assert first.customer_id == paid.customer_id
    assert second.amount_minor == 130


def test_an_order_marked_refunded_without_a_refund_was_given_back_whole() -> None:
    _, whole = said(order(status="refunded"))
    assert (whole.scope, whole.total_minor, whole.amount_minor) == ("full", 3_630, 0)
    assert whole.refund_id == refund_id(PROGRAM, "order:727")


def test_what_is_known_of_a_customer() -> None:
    (updated,) = said(payload("woocommerce", "docs_customer"), "customer.updated")
    assert isinstance(updated, CustomerUpdated)
    assert [(each.kind, each.verified) for each in updated.identities] == [("email", False)]


def test_a_repeat_has_order_version_and_topic_in_common() -> None:
    headers = {"x-wc-webhook-topic": "order.updated"}
    raw = json.dumps(DOCS).encode()
    identity = woocommerce.delivery_id(raw, headers)
    assert identity == "order.updated/727/2017-03-22T19:28:08"
    later = json.dumps(DOCS | {"date_modified_gmt": "2017-03-23T00:00:00"}).encode()
    assert woocommerce.delivery_id(later, headers) != identity
    assert woocommerce.delivery_id(raw, {"x-wc-webhook-topic": "order.created"}) != identity
    assert not woocommerce.delivery_id(b"[", headers)
    assert not woocommerce.delivery_id(b'{"id": "\xff"}', headers)
