"""Staff at their browsers: cookies kept, CSRF tokens sent, codes of their apps."""

import base64
from datetime import datetime
from typing import Any

import httpx2

from services.gateway.staff.rules.totp import code_of, step_of
from shared.clock import system
from shared.random_ids import random_id
from tests.api.harness import Api, ok

GATEWAY = "/api/gateway/v1"
PASSWORD = "correct horse battery"


def new_email() -> str:
    """An e-mail that nobody has."""
    return f"{random_id().hex}@shop.example"


def new_address() -> str:
    """An address that nobody came from yet."""
    raw = random_id().bytes
    return f"10.{raw[0]}.{raw[1]}.{raw[2]}"


class Browser:
    """Somebody at a browser."""

    def __init__(self, api: Api, address: str | None = None) -> None:
        self.api = api
        self.address = address or new_address()
        self.cookie: str | None = None
        self.csrf = ""
        self.secret = b""
        self.step = 0
        """The last step of the app that a code was given of."""

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        program: str | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """One request; a cookie in the answer is kept, or forgotten, as a browser does."""
        sent = {"shuke-csrf": self.csrf} if self.csrf else {}
        if program is not None:
            sent["shuke-program"] = program
        if self.cookie is not None:
            sent["cookie"] = self.cookie
        sent |= headers
        given = {} if body is None else {"json": body}
        transport = httpx2.ASGITransport(app=self.api.app, client=(self.address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://shuke.test") as client:
            answer = await client.request(method, path, headers=sent, **given)
        kept = answer.headers.get("set-cookie")
        if kept is not None:
            pair = kept.partition(";")[0]
            self.cookie = None if "Max-Age=0" in kept else pair
        return answer

    async def get(self, path: str, program: str | None = None) -> httpx2.Response:
        """A GET."""
        return await self.ask("GET", GATEWAY + path, program=program)

    async def post(
        self, path: str, body: Any = None, program: str | None = None
    ) -> httpx2.Response:
        """A POST."""
        return await self.ask("POST", GATEWAY + path, body, program=program)

    async def entered(self, path: str, body: Any, status: int = 201) -> dict[str, Any]:
        """A POST that answers with a session, which this browser has from then on."""
        session: dict[str, Any] = ok(await self.post(path, body), status)
        self.csrf = session["csrf_token"]
        return session

    async def log_in(self, email: str, **more: Any) -> dict[str, Any]:
        """Sign in."""
        return await self.entered("/sessions", {"email": email, "password": PASSWORD, **more})

    async def enrol(self) -> list[str]:
        """Set up a second factor: its recovery codes."""
        offered = ok(await self.post("/mfa-enrolments"), 201)
        self.secret = base64.b32decode(offered["secret"])
        path = "/mfa-enrolments/current:confirm"
        codes: list[str] = ok(await self.post(path, {"code": self.code()}))["recovery_codes"]
        self.csrf = ok(await self.get("/sessions/current"))["csrf_token"]
        return codes

    def code(self, now: datetime | None = None) -> str:
        """The next code of the app: of a step that was not given yet, as near to now as can be."""
        self.step = max(self.step + 1, step_of(now or self.api.app.state.clock()))
        assert self.step <= step_of(now or self.api.app.state.clock()) + 1, "no fresh code"
        return code_of(self.secret, self.step)


async def invited(
    api: Api, *roles: str, program: str | None = None, email: str | None = None, **more: Any
) -> dict[str, Any]:
    """Somebody new, invited by an operator, with roles in a program or in all."""
    body = {
        "email": email or new_email(),
        "name": "Li Wei",
        "roles": [{"program_id": program, "role": role, **more} for role in roles],
    }
    made: dict[str, Any] = ok(await api.caller(None).post(f"{GATEWAY}/staff", body), 201)
    return made


async def somebody(
    api: Api, *roles: str, program: str | None = None, enrolled: bool = True, **more: Any
) -> tuple[Browser, dict[str, Any]]:
    """A staff member who is signed in, with a second factor where it is not said otherwise."""
    made = await invited(api, *roles, program=program, **more)
    browser = Browser(api)
    body = {"token": made["invitation"]["token"], "password": PASSWORD}
    await browser.entered("/invitations:accept", body)
    if enrolled:
        await browser.enrol()
    return browser, made


def now() -> datetime:
    """The present instant, for clocks that are to stand still."""
    return system()
