"""How shoppers come in: by a shop's token, or by a code that was sent to their phone."""

import secrets
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from services.gateway.connections import IDENTITY_PURPOSE, Connections
from services.gateway.connectors import forms
from services.gateway.model import Connection, Refusal
from services.gateway.rules.contacting import sealed
from services.gateway.rules.identifying import Identified, customer_id, normal_phone
from services.gateway.rules.normalising import Shop
from services.gateway.shoppers import store
from services.gateway.shoppers.codes import Channel, expected
from services.gateway.shoppers.model import Codes, Session, Vouched
from services.gateway.shoppers.rules import coding
from services.gateway.shoppers.rules.vouching import issuer, vouched
from services.gateway.shoppers.schemas import AskCode, ByCode, ByToken
from services.gateway.shoppers.sessions import WAIT_SECONDS, Shoppers
from services.gateway.store import touch_secrets
from services.gateway.visiting import Visit
from shared.days import Instant, render
from shared.db.engine import Database
from shared.db.transaction import Row, statements, transaction
from shared.errors import FieldError, HttpProblem
from shared.http.throttling import Throttle
from shared.ids import parse_id, text_id, uuid_of
from shared.logs import logger
from shared.programs import LIVE
from shared.random_ids import uuid7
from shared.sealing import KeyRing

PURPOSE: Final = "shopper-code"
_MOST: Final = 10**coding.DIGITS


class _Place(Struct, frozen=True):
    """A program that a phone is proven to, and the phone there."""

    program: Row
    phone: str
    person: tuple[str, ...]
    """Keyed hashes of the phone, as events have them."""

    def __repr__(self) -> str:
        return "_Place()"


class Proving:
    """Sends codes, and opens sessions for who proves who they are."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        connections: Connections,
        shoppers: Shoppers,
        channel: Channel | None,
    ) -> None:
        self._database = database
        self._keys = keys
        self._connections = connections
        self._shoppers = shoppers
        self._channel = channel
        self._throttle = Throttle()

    # Codes.

    async def send(self, wanted: AskCode, visit: Visit) -> dict[str, Any]:
        """Send a code to a phone; the same answer whosever it is.

        Raises HttpProblem: 501 without a channel, 404, 422 `phone-invalid`, 429 `slow-down`.
        """
        channel = expected(self._channel)
        place = await self._place(wanted.program_id, wanted.phone)
        code = f"{secrets.randbelow(_MOST):0{coding.DIGITS}}"
        await self._count(place, code, visit)
        shown = await channel.send(place.phone, code)
        return {
            "expires_at": render(visit.at + coding.LIFE),
            "next_at": render(visit.at + coding.OF_PHONE[0][0]),
            "code": shown,
        }

    async def _count(self, place: _Place, code: str, visit: Visit) -> None:
        program_id = place.program["program_id"]
        phone = self._subject(place)
        address = self._keys.blind_index(_text(place.program), "code-address", visit.address)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            await store.begin_codes(tx, program_id, [phone, address])
            known = await store.lock_codes(tx, program_id, [phone, address])
            wait = max(
                coding.wait_seconds(known[phone], coding.OF_PHONE, visit.at),
                coding.wait_seconds(known[address], coding.OF_ADDRESS, visit.at),
            )
            if wait > 0:  # what was begun here is taken back
                raise HttpProblem(
                    429, "slow-down", f"Try again in {wait} s.", headers={"Retry-After": str(wait)}
                )
            counted: dict[str, Codes] = {
                phone: coding.sent(known[phone], self._hash(phone, code), visit.at),
                address: coding.counted(known[address], visit.at),
            }
            await store.save_codes(tx, program_id, counted)

    async def by_code(self, wanted: ByCode, visit: Visit) -> str:
        """A new session's token. Raises 401 `code-wrong`, whatever is wrong with it."""
        place = await self._place(wanted.program_id, wanted.phone)
        session = self._session_of_phone(place, visit.at)
        await self._spend(place, wanted.code, visit)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            return await self._shoppers.open(tx, session, visit)

    async def confirm(
        self, session: Session, phone: str, code: str, visit: Visit
    ) -> tuple[str, ...]:
        """Let a shopper prove a phone once more: its keyed hashes. Raises 401 `code-wrong`."""
        place = await self._place(session.program, phone)
        await self._spend(place, code, visit)
        return place.person

    async def _spend(self, place: _Place, code: str, visit: Visit) -> None:
        program_id, phone = place.program["program_id"], self._subject(place)
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            known = (await store.lock_codes(tx, program_id, [phone])).get(phone, Codes())
            right, after = coding.tried(known, self._hash(phone, code), visit.at)
            if after != known:
                await store.save_codes(tx, program_id, {phone: after})
        if not right:
            raise HttpProblem(401, "code-wrong", "The code is wrong, too old, or was used before.")

    async def _place(self, program: str, phone: str) -> _Place:
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            row = await store.find_program(tx, uuid_of(program))
        if row is None or row["status"] not in LIVE or row["store_id"] is None:
            raise HttpProblem(404, "not-found", "No such program.")
        normal = normal_phone(phone, row["default_region"])
        if normal is None:
            errors = [FieldError("/phone", "phone-invalid", "is no phone number")]
            raise HttpProblem(422, "phone-invalid", "1 field is not valid.", errors=errors)
        return _Place(row, normal, self._keys.blind_indexes(program, "phone", normal))

    def _session_of_phone(self, place: _Place, now: datetime) -> Session:
        program = _text(place.program)
        key = self._keys.unseal(IDENTITY_PURPOSE, program, place.program["identity_key"])
        customer = customer_id(key, "phone", program, place.phone)
        who = Identified(customer, [], phone=place.phone)
        buyer, told_at = forms.Buyer(phone=place.phone), Instant.of(now)
        return Session(
            place.program["program_id"],
            uuid7(now),
            program,
            place.program["time_zone"],
            parse_id("cus", customer),
            place.program["store_id"],
            place.person,
            sealed(buyer, who, program, told_at, self._keys.seal_contact),
            now,
        )

    def _subject(self, place: _Place) -> str:
        return self._keys.blind_index(_text(place.program), "code-phone", place.phone)

    def _hash(self, subject: str, code: str) -> bytes:
        return self._keys.fingerprint(PURPOSE, f"{subject}\0{code}".encode())

    # Tokens of shops.

    async def by_token(self, wanted: ByToken, visit: Visit) -> str:
        """A new session's token. Raises one 401 for whatever is not right with a shop's."""
        try:
            found, word = await self._vouched(wanted, visit)
            return await self._open(found, word, visit)
        except Refusal as error:
            raise self._refused(error, visit) from error

    async def look(self, wanted: ByToken, visit: Visit) -> Session:
        """Who a shop's token names, as a session that is not opened: the token stays unused.

        Raises one 401 for whatever is not right with it.
        """
        try:
            return self._session_of_word(*await self._vouched(wanted, visit), visit)
        except Refusal as error:
            raise self._refused(error, visit) from error

    async def _vouched(self, wanted: ByToken, visit: Visit) -> tuple[Connection, Vouched]:
        found = await self._connection(issuer(wanted.token), wanted.program_id)
        return found, vouched(wanted.token, found.member_secrets, found.program, visit.at)

    async def _connection(self, connection: str, program: str) -> Connection:
        found = await self._connections.find(uuid_of(connection))
        if found is None or found.state in {"draft", "closed"}:
            raise Refusal("connection-unknown")
        if found.program != program:
            raise Refusal("another-program")
        return found

    def _session_of_word(self, found: Connection, word: Vouched, visit: Visit) -> Session:
        shop = Shop(found, self._keys.blind_indexes, visit.at, self._keys.seal_contact)
        customer = shop.who(forms.Buyer(id=word.buyer_id)).customer_id
        assert customer is not None, "a buyer with an id is a customer"
        return Session(
            found.program_id,
            uuid7(visit.at),
            found.program,
            found.time_zone,
            parse_id("cus", customer),
            parse_id("sto", found.store),
            (),
            None,
            visit.at,
        )

    async def _open(self, found: Connection, word: Vouched, visit: Visit) -> str:
        session = self._session_of_word(found, word, visit)
        secret = (found.program_id, found.id, parse_id("sec", word.secret_id))
        async with transaction(self._database, wait_seconds=WAIT_SECONDS) as tx:
            fresh = await store.use_token(
                tx, found.program_id, found.id, word.token_id, word.expires_at
            )
            if not fresh:
                raise Refusal("used")
            await touch_secrets(tx, [secret], visit.at)
            return await self._shoppers.open(tx, session, visit)

    def _refused(self, refusal: Refusal, visit: Visit) -> HttpProblem:
        """What whoever brings a token that is not taken is told; a flood is not logged."""
        wait = self._throttle.count(visit.address)
        if wait is not None:
            return HttpProblem(
                429, "slow-down", "Too many are not authentic.", headers={"Retry-After": str(wait)}
            )
        logger("gateway").info("unauthenticated", reason=f"shopper: {refusal.reason}")
        return HttpProblem(401, "unauthenticated", "The token is not authentic.")


def _text(program: Row) -> str:
    return text_id("prg", program["public_id"])
