"""Interfaces of Taobao, Youzan, WooCommerce and Shopify on loopback, as public documents say.

`async with TopStandIn() as top: top.trades["1"] = a_trade(tid_str="1")`, then calls go to
`top.base`. They check what the real ones check (signatures, sessions, tokens), tell only the fields
that are asked for, and answer with an error where `fail` said so. Written apart from the
connectors, so that both would have to be wrong in the same way.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from shared.clock import system

Fields = Mapping[str, str]
DAY = timedelta(days=1)


class StandIn:
    """A server that answers each request with what `answer` makes of it, with status 200."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        """What was asked, in order; of Youzan with the name of the API under `method`."""
        self.more: dict[str, str] = {}
        """Headers of the answer beside the usual ones."""
        self._failing: deque[Any] = deque()
        self._server: asyncio.Server | None = None

    @property
    def base(self) -> str:
        """Where calls go."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{self.path}"

    path = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def answer(self, path: str, asked: dict[str, str]) -> Any:
        """JSON for a request, whose query and form, or JSON, are one."""
        raise NotImplementedError

    def respond(self, path: str, asked: dict[str, str], headers: Fields) -> tuple[int, Any]:
        """Status and JSON for a request."""
        del headers
        return 200, self.answer(path, asked)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        target = urlsplit(head.split(" ", 2)[1])
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): value for name, value in lines}
        body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
        of_json = headers.get("content-type") == "application/json"
        given = json.loads(body) if of_json else dict(parse_qsl(body))
        asked = dict(parse_qsl(target.query)) | given
        self.more = {}
        status, answer = self.respond(target.path, asked, headers)
        told = json.dumps(answer, ensure_ascii=False).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in self.more.items()).encode()
        writer.write(
            b"HTTP/1.1 %d Told\r\ncontent-type: application/json;charset=UTF-8\r\n%s"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (status, more, len(told), told)
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()


class TopStandIn(StandIn):
    """TOP: one app, one seller's session, their trades, refunds and waiting messages."""

    path = "/router/rest"

    def __init__(self) -> None:
        super().__init__()
        self.credentials = {"app_key": "12345678", "app_secret": "appsecret", "session": "6100"}
        self.trades: dict[str, dict[str, Any]] = {}
        """By number."""
        self.refunds: dict[str, dict[str, Any]] = {}
        self.messages: list[dict[str, Any]] = []
        """Waiting: each comes again with every consumption until it is confirmed."""
        self.permitted = False
        """Whether messages of the seller go to the app."""
        self.refresh = ""
        """What another session is got by, once; empty: the application gets none."""
        self.sessions: list[str] = []
        """Those that were given, in order."""

    def fail(self, code: int, sub_code: str = "", times: int = 1) -> None:
        """The next calls are answered with an error: 7 called too often, 27 session over."""
        self._failing.extend([_error(code, sub_code)] * times)

    def answer(self, path: str, asked: dict[str, str]) -> Any:
        """What the router answers."""
        assert path == self.path
        self.calls.append(asked)
        refusal = self._refusal(asked)
        if self._failing or refusal:
            return self._failing.popleft() if self._failing else refusal
        method = asked["method"]
        made = {
            "taobao.trade.fullinfo.get": self._trade,
            "taobao.refund.get": self._refund,
            "taobao.trades.sold.increment.get": self._changed,
            "taobao.tmc.messages.consume": self._consume,
            "taobao.tmc.messages.confirm": self._confirm,
            "taobao.tmc.user.permit": self._permit,
            "taobao.top.auth.token.refresh": self._renew,
        }
        if method not in made:
            return _error(22)
        answer = made[method](asked)
        if "error_response" in answer:
            return answer
        name = method.removeprefix("taobao.").replace(".", "_")
        return {f"{name}_response": answer | {"request_id": "16pvlvx"}}

    def _refusal(self, asked: Fields) -> Any:
        """An error where a call is not signed as it must be."""
        known = self.credentials
        if asked.get("app_key") != known["app_key"]:
            return _error(29)
        text = "".join(name + asked[name] for name in sorted(asked) if name != "sign")
        secret = known["app_secret"].encode()
        if asked.get("sign_method") == "hmac":
            sign = hmac.new(secret, text.encode(), "md5").hexdigest()
        else:
            sign = hashlib.md5(secret + text.encode() + secret, usedforsecurity=False).hexdigest()
        if asked.get("sign") != sign.upper():
            return _error(25)
        datetime.fromisoformat(asked["timestamp"])
        if asked["method"].startswith(("taobao.tmc.messages.", "taobao.top.auth.")):
            return None
        if "session" not in asked:
            return _error(26)
        return None if asked["session"] == known["session"] else _error(27)

    def _trade(self, asked: Fields) -> Any:
        found = self.trades.get(asked["tid"])
        if found is None:
            return _error(15, "isv.trade-not-exist")
        return {"trade": _only(found, asked["fields"])}

    def _refund(self, asked: Fields) -> Any:
        found = self.refunds.get(asked["refund_id"])
        if found is None:
            return _error(15, "isv.refund-not-exist")
        return {"refund": _only(found, asked["fields"])}

    def _changed(self, asked: Fields) -> Any:
        since, until = asked["start_modified"], asked["end_modified"]
        if datetime.fromisoformat(until) - datetime.fromisoformat(since) > DAY:
            return _error(41, "isv.invalid-parameter")
        found = [each for each in self.trades.values() if since <= each["modified"] <= until]
        found.sort(key=lambda each: each["modified"], reverse=True)
        size = int(asked["page_size"])
        first = (int(asked["page_no"]) - 1) * size
        page = [_only(each, asked["fields"]) for each in found[first : first + size]]
        told = {"trades": {"trade": page}} if page else {}
        return told | {"has_next": len(found) > first + size}

    def _consume(self, asked: Fields) -> Any:
        waiting = self.messages[: int(asked["quantity"])]
        return {"messages": {"tmc_message": waiting}} if waiting else {}

    def _confirm(self, asked: Fields) -> Any:
        confirmed = asked["s_message_ids"].split(",")
        self.messages = [each for each in self.messages if str(each["id"]) not in confirmed]
        return {"is_success": True}

    def _permit(self, _asked: Fields) -> Any:
        self.permitted = True
        return {"is_success": True}

    @property
    def trusted(self) -> dict[str, str]:
        """The credentials with what another session is got by."""
        return self.credentials | {"refresh_token": self.refresh}

    def _renew(self, asked: Fields) -> Any:
        if not self.refresh or asked.get("refresh_token") != self.refresh:
            return _error(15, "isv.invalid-parameter")
        number = len(self.sessions) + 1
        self.credentials["session"] = f"6100{number}"
        self.refresh = f"6101{number}"
        self.sessions.append(self.credentials["session"])
        ends = round((system() + 30 * DAY).timestamp() * 1000)
        told = {"access_token": self.credentials["session"], "refresh_token": self.refresh}
        more = {"expire_time": ends, "token_type": "Bearer", "taobao_user_nick": "tea house"}
        return {"token_result": json.dumps(told | more)}


class YouzanStandIn(StandIn):
    """Youzan's gateway: one app and shop with their newest token, its orders and refunds."""

    def __init__(self) -> None:
        super().__init__()
        self.credentials = {"client_id": "cid", "client_secret": "csecret", "grant_id": "56232"}
        self.token = "9fe34bcc + &"
        self.lasts = timedelta(days=7)
        self.tokens: list[str] = []
        """Those that were given, in order; each ends the one before."""
        self.denying = 0
        """Code that calls for a token are answered with, if not 0."""
        self.orders: dict[str, dict[str, Any]] = {}
        """What stands under `data`, by number."""
        self.refunds: dict[str, dict[str, Any]] = {}

    def fail(self, code: int, *, gateway: bool = False, times: int = 1) -> None:
        """The next calls are answered with an error: 5000 not found yet; 4202 token over."""
        self._failing.extend([_denied(code) if gateway else _failed(code)] * times)

    def answer(self, path: str, asked: dict[str, str]) -> Any:
        """What the gateway answers: the address first, then the token, then the API."""
        if path == "/auth/token":
            return self._token(asked)
        _, _, name = path.partition("/api/")
        self.calls.append(asked | {"method": name})
        made = {
            "youzan.trade.get/4.0.2": self._order,
            "youzan.trade.refund.get/3.0.1": self._refund,
            "youzan.trades.sold.get/4.0.4": self._changed,
        }
        if self._failing:
            return self._failing.popleft()
        if name not in made:
            return _denied(4005)
        if asked.get("access_token") != self.token:
            return _denied(4203 if "access_token" in asked else 4201)
        return made[name](asked)

    @property
    def trusted(self) -> dict[str, str]:
        """The credentials with the token, as calls are made by."""
        return self.credentials | {"access_token": self.token}

    def _token(self, asked: Fields) -> Any:
        if self.denying or asked != self.credentials | {"authorize_type": "silent"}:
            return _failed(self.denying or 140000201) | {"data": None}
        self.token = f"token {len(self.tokens)} + &"
        self.tokens.append(self.token)
        ends = round((system() + self.lasts).timestamp() * 1000)
        told = {"expires": ends, "scope": "trade", "authority_id": asked["grant_id"]}
        return _good(told | {"access_token": self.token})

    def _order(self, asked: Fields) -> Any:
        found = self.orders.get(asked["tid"])
        return _good(found) if found else _failed(5000)

    def _refund(self, asked: Fields) -> Any:
        found = self.refunds.get(asked["refund_id"])
        return _good(found) if found else _failed(103011024)

    def _changed(self, asked: Fields) -> Any:
        since, until = asked["start_update"], asked["end_update"]
        found = [
            each
            for each in self.orders.values()
            if since <= each["full_order_info"]["order_info"]["update_time"] <= until
        ]
        number, size = int(asked["page_no"]), int(asked["page_size"])
        if number > 100 or size > 100:
            return _failed(5000)
        page = found[(number - 1) * size : number * size]
        return _good({"full_order_info_list": page, "total_results": len(found)})


class WooStandIn(StandIn):
    """A WooCommerce shop's REST interface: its orders and their refunds, for one key."""

    def __init__(self) -> None:
        super().__init__()
        self.credentials = {"consumer_key": "ck_1", "consumer_secret": "cs_1"}
        self.orders: dict[str, dict[str, Any]] = {}
        """By number."""
        self.refunds: dict[tuple[str, str], dict[str, Any]] = {}
        """By order and number."""

    def respond(self, path: str, asked: dict[str, str], headers: Fields) -> tuple[int, Any]:
        """What WordPress answers: who asks first, then what for."""
        name = path.removeprefix("/wp-json/wc/v3/")
        self.calls.append(asked | {"method": name})
        pair = "{consumer_key}:{consumer_secret}".format(**self.credentials)
        if headers.get("authorization") != f"Basic {base64.b64encode(pair.encode()).decode()}":
            return _wordpress(401, "woocommerce_rest_cannot_view")
        match name.split("/"):
            case ["orders"]:
                return 200, self._changed(asked)
            case ["orders", number] if number in self.orders:
                return 200, self.orders[number]
            case ["orders", order, "refunds", number] if (order, number) in self.refunds:
                return 200, self.refunds[order, number]
        return _wordpress(404, "woocommerce_rest_shop_order_invalid_id")

    def _changed(self, asked: Fields) -> Any:
        assert asked["dates_are_gmt"] == "true"
        since, until = asked["modified_after"], asked["modified_before"]
        assert datetime.fromisoformat(since) < datetime.fromisoformat(until)
        found = [o for o in self.orders.values() if since < o["date_modified_gmt"] < until]
        number, size = int(asked["page"]), min(int(asked["per_page"]), 100)
        page = sorted(found, key=lambda o: int(o["id"]))[(number - 1) * size : number * size]
        return [_only(each, asked["_fields"]) for each in page]


class ShopifyStandIn(StandIn):
    """A Shopify shop's Admin REST interface: its orders and what paid them, for one token."""

    def __init__(self) -> None:
        super().__init__()
        self.credentials = {"access_token": "shpat_1"}
        self.orders: dict[str, dict[str, Any]] = {}
        """By number."""
        self.payments: dict[str, list[dict[str, Any]]] = {}
        """By the order's number."""
        self.hidden: set[str] = set()
        """Numbers of orders that are listed and cannot be had."""

    def hurry(self, wait: str = "0.2", times: int = 1) -> None:
        """The next calls come too fast: so many seconds are to pass."""
        self._failing.extend([wait] * times)

    def respond(self, path: str, asked: dict[str, str], headers: Fields) -> tuple[int, Any]:
        """What the shop answers: who asks first, then how often, then what for."""
        name = path.removeprefix("/admin/api/2026-10/").removesuffix(".json")
        self.calls.append(asked | {"method": name})
        if headers.get("x-shopify-access-token") != self.credentials["access_token"]:
            return 401, {"errors": "[API] Invalid API key or access token"}
        if self._failing:
            self.more = {"retry-after": self._failing.popleft()}
            return 429, {"errors": "Exceeded 2 calls per second for api client."}
        match name.split("/"):
            case ["orders"]:
                return 200, {"orders": self._changed(asked)}
            case ["orders", number] if number in self.orders.keys() - self.hidden:
                return 200, {"order": self.orders[number]}
            case ["orders", number, "transactions"] if number in self.orders:
                assert asked == {"in_shop_currency": "true"}
                return 200, {"transactions": self.payments.get(number, [])}
        return 404, {"errors": "Not Found"}

    def _changed(self, asked: Fields) -> Any:
        """Only of those in the order of their ids a page can be told by the last before it."""
        assert asked["status"] == "any"
        since, until = (
            datetime.fromisoformat(asked[f"updated_at_{end}"]) for end in ("min", "max")
        )
        found = [
            each
            for each in sorted(self.orders.values(), key=lambda order: int(order["id"]))
            if since <= datetime.fromisoformat(each["updated_at"]) <= until
            and int(each["id"]) > int(asked["since_id"])
        ]
        page = found[: int(asked["limit"])]
        return [_only(each, asked["fields"]) for each in page]


def _wordpress(status: int, code: str) -> tuple[int, Any]:
    return status, {"code": code, "message": "no", "data": {"status": status}}


def _only(whole: Mapping[str, Any], fields: str) -> dict[str, Any]:
    """The fields that were asked for."""
    return {name: value for name, value in whole.items() if name in fields.split(",")}


def _error(code: int, sub_code: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {"code": code, "msg": "refused", "request_id": "16pvlvx"}
    return {"error_response": told | ({"sub_code": sub_code} if sub_code else {})}


def _good(data: Any) -> dict[str, Any]:
    return {"trace_id": "yz7", "code": 200, "success": True, "message": "successful", "data": data}


def _failed(code: int) -> dict[str, Any]:
    empty: dict[str, Any] = {"delivery_order": [], "refund_order": [], "full_order_info_list": []}
    return {"trace_id": "yz7", "code": code, "success": False, "message": "no", "data": empty}


def _denied(code: int) -> dict[str, Any]:
    return {"gw_err_resp": {"err_code": code, "err_msg": "no", "trace_id": "yz7"}}
