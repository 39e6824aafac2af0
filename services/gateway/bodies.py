"""Bodies of webhooks, read within limits of size and patience."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from fastapi import Request

from shared.errors import HttpProblem

SINGLE_BYTES: Final = 1024 * 1024
BULK_BYTES: Final = 8 * 1024 * 1024
BODY_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 5.0
PING_BYTES: Final = 64
_FORM: Final = "application/x-www-form-urlencoded"
_PING: Final = re.compile(rb"webhook_id=\d+")
_JSON: Final = "application/json"
_SUFFIXED: Final = re.compile(r"application/[a-z0-9.+-]*\+json")


async def read_body(request: Request, most: int, media: Sequence[str]) -> bytes:
    """The raw body. Raises problems of size, speed and media: 408, 413, 415."""
    given = _media(request)
    if given not in media and not (_JSON in media and _SUFFIXED.fullmatch(given)):
        raise not_media(media)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HttpProblem(415, "unsupported-media-type", "The body must not be compressed.")
    too_large = HttpProblem(413, "too-large", f"A body has at most {most} bytes.")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most:
        raise too_large
    try:
        return await _patiently(request, most, too_large)
    except TimeoutError as error:
        raise HttpProblem(408, "too-slow", "The body came too slowly.") from error


def is_form(request: Request) -> bool:
    """Whether the body says to be a form, as a ping of WooCommerce does."""
    return _media(request) == _FORM


async def is_ping(request: Request) -> bool:
    """Whether a form's body is what WooCommerce sends when a webhook is made."""
    body = await _patiently(request, PING_BYTES, not_media([_JSON]))
    return _PING.fullmatch(body) is not None


def not_media(media: Sequence[str]) -> HttpProblem:
    """What a sender of anything else is told."""
    return HttpProblem(415, "unsupported-media-type", f"The body must be {' or '.join(media)}.")


def _media(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _patiently(request: Request, most: int, too_large: HttpProblem) -> bytes:
    body = bytearray()
    now = asyncio.get_running_loop().time
    ends = now() + BODY_SECONDS
    async with asyncio.timeout(IDLE_SECONDS) as patience:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise too_large
            patience.reschedule(min(now() + IDLE_SECONDS, ends))
    return bytes(body)
