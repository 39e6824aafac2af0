"""TOP, the open platform of Taobao and Tmall: how calls and deliveries are signed, how it answers.

Both signatures are an MD5 over the parameters, sorted, between two copies of the app's secret. They
differ in one point, which the platform's own libraries show: a call leaves empty parameters out, a
delivery keeps them.

| answer | means |
|---|---|
| `{"trade_fullinfo_get_response": …}` | what was asked of taobao.trade.fullinfo.get |
| error 26, 27 | the session is missing or over |
| error 11, 12, 13, 53 | a permission is missing |
| error with sub_code `isv.…` | the call is wrong, or what it asks for is not there |
| error 7, 10, 15, 50, or with sub_code `isp.…` | called too often, or not well itself |
| any other error | the call is wrong |

A session is renewed by the refresh token that came with it (taobao.top.auth.token.refresh). The
platform gives that to applications of its service market; others have sessions of a fixed length,
and a seller must authorise anew.

Read from public documents and libraries; not seen live.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, NoReturn

import msgspec
from msgspec import Meta, Struct

from services.gateway.connectors.port import (
    Call,
    Credentials,
    NotAuthorised,
    TokenOver,
    TryLater,
    in_beijing,
    since_epoch,
)
from services.gateway.model import Invalid
from shared.errors import FieldError

BASE: Final = "https://eco.taobao.com/router/rest"
CREDENTIALS: Final = ("app_key", "app_secret", "session")
TOKEN: Final = "session"  # noqa: S105 - a name
REFRESH: Final = "refresh_token"
"""Under this name the credentials may hold what another session is got by."""
_RENEW: Final = "taobao.top.auth.token.refresh"
_BUSY: Final = {7, 10, 15, 50}
_OVER: Final = {26, 27}
_NOT_AUTHORISED: Final = {11, 12, 13, 53}
_ERROR: Final = "error_response"


class _Error(Struct, frozen=True):
    code: int
    msg: str = ""
    sub_code: str = ""
    sub_msg: str = ""


class _Renewed(Struct, frozen=True):
    token_result: str
    """JSON, as a text."""


class _Token(Struct, frozen=True):
    access_token: Annotated[str, Meta(min_length=1)]
    refresh_token: str = ""
    expire_time: int = 0
    """In milliseconds since 1970; 0: only `expires_in` tells it."""
    expires_in: Annotated[int, Meta(ge=0, le=10**9)] = 0
    """In seconds."""


_ANSWER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_READ_ERROR: Final = msgspec.json.Decoder(_Error)


def sign_call(
    parameters: Mapping[str, str], secret: str, method: Literal["md5", "hmac"] = "hmac"
) -> str:
    """The signature of a call that we make; `sign` itself and empty values do not count.

    >>> parameters = {"foo": "1", "bar": "2", "foo_bar": "3", "foobar": "4"}
    >>> sign_call(parameters, "appsecret", "md5")
    'C93F59FDF6D64ADBBBA058C714FF797E'
    """
    text = _text({name: value for name, value in parameters.items() if value})
    if method == "hmac":
        return hmac.new(secret.encode(), text.encode(), hashlib.md5).hexdigest().upper()
    return _md5(f"{secret}{text}{secret}".encode())


def sign_delivery(
    parameters: Mapping[str, str], body: bytes, secret: str, charset: str = "utf-8"
) -> str:
    """The signature of a delivery that we get; empty values count, a form is among the parameters.

    Raises UnicodeEncodeError for what the charset does not have.
    """
    text = _text(parameters)
    return _md5(f"{secret}{text}".encode(charset) + body + secret.encode(charset))


def call(
    method: str,
    parameters: Mapping[str, str],
    credentials: Credentials,
    base: str,
    now: datetime,
) -> Call:
    """A signed call, with the session of the shop's seller where the credentials have one."""
    form = {
        "method": method,
        "app_key": credentials["app_key"],
        "session": credentials.get("session", ""),
        "timestamp": in_beijing(now),
        "format": "json",
        "v": "2.0",
        "sign_method": "hmac",
        **parameters,
    }
    form = {name: value for name, value in form.items() if value}
    return Call("POST", base, form | {"sign": sign_call(form, credentials["app_secret"])})


def answer(method: str, raw: bytes) -> msgspec.Raw:
    """What a method answered. Raises TryLater, NotAuthorised, Invalid or DecodeError."""
    parts = accepted(raw)
    name = method.removeprefix("taobao.").replace(".", "_") + "_response"
    if name not in parts:
        raise Invalid(FieldError(f"/{name}", "required", "is required"))
    return parts[name]


def accepted(raw: bytes) -> Mapping[str, msgspec.Raw]:
    """The parts of an answer that is no error. Raises as `answer`."""
    parts = _ANSWER.decode(raw)
    if _ERROR in parts:
        _refuse(_READ_ERROR.decode(parts[_ERROR]))
    return parts


def renews(credentials: Credentials) -> bool:
    """Where a refresh token was given."""
    return bool(credentials.get(REFRESH))


def renew(credentials: Credentials, base: str, now: datetime) -> Call:
    """The call for another session, by the app's own word."""
    own = {name: credentials[name] for name in ("app_key", "app_secret")}
    return call(_RENEW, {REFRESH: credentials[REFRESH]}, own, base, now)


def renewed(raw: bytes, now: datetime) -> tuple[Credentials, datetime]:
    """The session, what the next one is got by, and its end.

    A refusal is the refresh token's fault, unless it says to ask later.
    """
    try:
        result = msgspec.json.decode(answer(_RENEW, raw), type=_Renewed).token_result
    except Invalid as error:
        raise NotAuthorised(str(error)) from error
    told = msgspec.json.decode(result, type=_Token)
    values = {TOKEN: told.access_token}
    if told.refresh_token:
        values[REFRESH] = told.refresh_token
    if told.expire_time:
        return values, since_epoch(told.expire_time, "/token_result/expire_time")
    return values, now + timedelta(seconds=told.expires_in)


def _refuse(error: _Error) -> NoReturn:
    told = f"{error.code} {error.sub_code} {error.sub_msg or error.msg}"[:200]
    if error.code in _OVER:
        raise TokenOver(told)
    if error.code in _NOT_AUTHORISED:
        raise NotAuthorised(told)
    ours = error.sub_code.startswith("isv.")
    if not ours and (error.code in _BUSY or error.sub_code.startswith("isp.")):
        raise TryLater(told)
    raise Invalid(FieldError("", error.sub_code or f"error-{error.code}", told))


def _text(parameters: Mapping[str, str]) -> str:
    """Names and values, in the order of code points."""
    return "".join(name + value for name, value in sorted(parameters.items()) if name != "sign")


def _md5(text: bytes) -> str:
    return hashlib.md5(text, usedforsecurity=False).hexdigest().upper()
