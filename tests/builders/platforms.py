"""What Taobao and Youzan tell: `a_trade(a_sub_order(num=2), post_fee="8.00")`, `a_push(...)`.

Written from the platforms' public lists of fields; all amounts are yuan but where fen is said.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

CREATED, PAID, DONE = "2026-03-01 17:58:00", "2026-03-01 18:00:00", "2026-03-08 09:30:00"
BUYER = "AAEiWuy9AEPLhyj6Hb81_Sjm"
CLIENT, CLIENT_SECRET, SHOP = "cid", "csecret", "56232"
APP_SECRET = "appsecret"


def a_sub_order(**changes: Any) -> dict[str, Any]:
    """A sub-order of one piece for 100.00; its number is beyond what floats hold."""
    return {
        "oid": 2918463734761365258,
        "oid_str": "2918463734761365258",
        "num_iid": 559884639463,
        "outer_sku_id": "TEA-1",
        "title": "Tieguanyin",
        "price": "100.00",
        "num": 1,
        "payment": "100.00",
        "divide_order_fee": "100.00",
        "status": "WAIT_SELLER_SEND_GOODS",
        "refund_status": "NO_REFUND",
    } | changes


def a_trade(*orders: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A trade that was paid, of one sub-order without freight."""
    return {
        "tid": 2918463734761365258,
        "tid_str": "2918463734761365258",
        "status": "WAIT_SELLER_SEND_GOODS",
        "created": CREATED,
        "pay_time": PAID,
        "modified": PAID,
        "payment": "100.00",
        "post_fee": "0.00",
        "buyer_nick": "c**",
        "buyer_open_uid": BUYER,
        "orders": {"order": list(orders) or [a_sub_order()]},
    } | changes


def a_refund_of_a_trade(**changes: Any) -> dict[str, Any]:
    """Goods of a sub-order came back."""
    return {
        "refund_id": 181784773340365852,
        "tid": 2918463734761365258,
        "oid": 2918463734761365258,
        "status": "SUCCESS",
        "refund_fee": "100.00",
        "num": 1,
        "has_good_return": True,
        "dispute_type": "REFUND_AND_RETURN",
        "outer_id": "TEA-1",
        "reason": "too bitter",
        "created": PAID,
        "modified": DONE,
        "end_time": DONE,
    } | changes


def a_message(topic: str, number: int = 7104300007405429232, **content: Any) -> dict[str, Any]:
    """A message of TMC."""
    return {
        "id": number,
        "topic": topic,
        "pub_app_key": "12497914",
        "pub_time": DONE,
        "user_id": 2074082786,
        "user_nick": "tea house",
        "content": json.dumps(content),
    }


def topped(name: str, **answer: Any) -> bytes:
    """An answer of TOP, e.g. `topped("trade_fullinfo_get", trade=a_trade())`."""
    return json.dumps({f"{name}_response": answer | {"request_id": "16pvlvx"}}).encode()


def refused(code: int, sub_code: str | None = None) -> bytes:
    """An error of TOP."""
    error = {"code": code, "msg": "no", "request_id": "16pvlvx"}
    return json.dumps({
        "error_response": error | ({"sub_code": sub_code} if sub_code else {})
    }).encode()


def a_youzan_line(**changes: Any) -> dict[str, Any]:
    """A line of one piece for 100.00."""
    return {
        "oid": "1526023707817967902",
        "item_id": 18434958,
        "outer_sku_id": "TEA-1",
        "title": "Tieguanyin",
        "num": 1,
        "price": "100.00",
        "total_fee": "100.00",
        "payment": "100.00",
    } | changes


def a_youzan_order(
    *lines: Mapping[str, Any],
    pay_info: Mapping[str, Any] | None = None,
    buyer_info: Mapping[str, Any] | None = None,
    **info: Any,
) -> dict[str, Any]:
    """An order that was paid, of one line without freight: what stands under `data`."""
    order_info = {
        "tid": "E20260301175800000600001",
        "status": "WAIT_SELLER_SEND_GOODS",
        "created": CREATED,
        "pay_time": PAID,
        "update_time": PAID,
        "success_time": "",
    }
    return {
        "full_order_info": {
            "order_info": order_info | info,
            "pay_info": {"total_fee": "100.00", "post_fee": "0.00", "payment": "100.00"}
            | dict(pay_info or {}),
            "buyer_info": {"yz_open_id": "lTlnUndq791762100953361694", "buyer_phone": "13800138000"}
            | dict(buyer_info or {}),
            "orders": list(lines) or [a_youzan_line()],
        },
        "refund_order": [],
    }


def a_youzan_refund(*items: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Goods of a line came back; items in fen."""
    usual = {"oid": "1526023707817967902", "refund_fee": 10_000, "item_num": 1}
    return {
        "refund_id": "202603051500000000010001",
        "tid": "E20260301175800000600001",
        "oid": "1526023707817967902",
        "item_num": 1,
        "status": "SUCCESS",
        "refund_type": "BUYER_APPLY_REFUND",
        "refund_fee": "100.00",
        "refund_postage": "0.00",
        "refund_order_item": list(items) or [usual],
        "desc": "too bitter",
        "created": PAID,
        "modified": DONE,
        "refund_success_time": DONE,
        "version": 1493968316537,
    } | changes


def youzaned(data: Any, **changes: Any) -> bytes:
    """An answer of Youzan."""
    whole = {"trace_id": "yz7", "code": 200, "success": True, "message": "successful", "data": data}
    return json.dumps(whole | changes).encode()


def a_push(kind: str, msg: Any = None, **changes: Any) -> dict[str, Any]:
    """A push of Youzan: its message URL-encoded, as most are."""
    text = quote(json.dumps({"tid": "E20260301175800000600001"} if msg is None else msg))
    return {
        "client_id": CLIENT,
        "kdt_id": int(SHOP),
        "kdt_name": "tea house",
        "id": "E20260301175800000600001",
        "type": kind,
        "status": "WAIT_SELLER_SEND_GOODS",
        "msg": text,
        "msg_id": "a1d466ad-f9db-4a58-b805-f2a4dd65fa56",
        "version": 1772359200000,
        "test": False,
        "mode": 1,
    } | changes


def event_sign(raw: bytes) -> str:
    """The header `Event-Sign` of a push."""
    text = CLIENT.encode() + raw + CLIENT_SECRET.encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def a_signed_query(method: str, raw: bytes = b"", **parameters: str) -> str:
    """The query of a method that Taobao calls, with its signature over a body of JSON."""
    whole = {"method": method, "timestamp": "2026-01-01 08:00:00"} | parameters
    text = "".join(name + whole[name] for name in sorted(whole))
    signed = APP_SECRET.encode() + text.encode() + raw + APP_SECRET.encode()
    sign = hashlib.md5(signed, usedforsecurity=False).hexdigest().upper()
    return urlencode(whole | {"sign": sign})


def a_woo_refund_line(line: str | None, **changes: Any) -> dict[str, Any]:
    """What a WooCommerce shop gave back of a line of the order."""
    meta = [{"id": 9, "key": "_refunded_item_id", "value": line}] if line else []
    told = {"id": 90, "name": "Shirt", "quantity": -1, "total": "-9.00", "total_tax": "0.00"}
    return told | {"sku": "", "meta_data": meta} | changes


def a_woo_refund(*lines: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A refund of a WooCommerce shop in detail."""
    told: dict[str, Any] = {
        "id": 801,
        "date_created": "2026-03-05T18:00:00",
        "date_created_gmt": "2026-03-05T10:00:00",
        "amount": "9.00",
        "reason": "",
        "line_items": list(lines),
        "shipping_lines": [],
    }
    return told | changes
