"""Shows the module on a shop's page: its origin is judged, its visitor looked up."""

from typing import Any, Final

from msgspec import structs

from services.gateway.decoration.documents import in_force
from services.gateway.decoration.settings import Module
from services.gateway.embed.asking import Services
from services.gateway.embed.model import Visitor
from services.gateway.embed.rules.showing import shown
from services.gateway.shoppers import store
from services.gateway.shoppers.asking import Members
from services.gateway.shoppers.centres import SEEN
from services.gateway.shoppers.model import Session
from services.gateway.shoppers.schemas import ByToken
from services.gateway.shoppers.sessions import WAIT_SECONDS
from services.gateway.shoppers.signing_in import Proving
from services.gateway.visiting import Visit
from shared.db.engine import Database
from shared.db.transaction import Row, statements
from shared.errors import HttpProblem
from shared.http.reading import known_id
from shared.http.throttling import Throttle
from shared.ids import text_id
from shared.programs import OPEN

MOST: Final = 600
"""So many an address may ask for within a minute."""


class Modules:
    """What the modules of programs show."""

    def __init__(
        self, database: Database, proving: Proving, members: Members, services: Services
    ) -> None:
        self._database = database
        self._proving = proving
        self._members = members
        self._services = services
        self._throttle = Throttle(MOST)

    async def admit(self, program: str, origin: str | None, visit: Visit) -> tuple[Row, Module]:
        """A program and its module, for a page of an origin; None: no page of another.

        Raises 404 where there is none, 403 `origin-unknown`, 429 `slow-down`.
        """
        wait = self._throttle.count(visit.address)
        if wait is not None:
            headers = {"Retry-After": str(wait)}
            raise HttpProblem(429, "slow-down", f"Try again in {wait} s.", headers=headers)
        async with statements(self._database, wait_seconds=WAIT_SECONDS) as tx:
            row = await store.find_program(tx, known_id("prg", program, "program"))
            found = None if row is None else await in_force(tx, row["program_id"], visit.at)
        if row is None or found is None or row["status"] not in SEEN:
            raise HttpProblem(404, "not-found", "No such module.")
        if origin is not None and origin not in found.module.origins:
            raise HttpProblem(403, "origin-unknown", "The module does not stand on this site.")
        return row, found.module

    async def show(
        self, row: Row, module: Module, token: str | None, visit: Visit
    ) -> dict[str, Any]:
        """What the module shows to who brings a shop's token, or none.

        Raises 401 for a token that is not good, 503 where a service is away.
        """
        program = text_id("prg", row["public_id"])
        session = None
        if token is not None:
            session = await self._proving.look(ByToken(program_id=program, token=token), visit)
        visitor = await self._visitor(row, program, session)
        return structs.asdict(shown(module, visitor, program)) | {"currency": row["currency"]}

    async def _visitor(self, row: Row, program: str, session: Session | None) -> Visitor:
        if session is not None:
            member = await self._members.membership(session)
            self._members.forget(session)  # nobody comes by it again
            if member is not None:
                standing = await self._services.standing(program, member.member_id)
                return Visitor(known=True, member=standing)
        if row["status"] != OPEN:
            return Visitor(known=session is not None)
        of = None if session is None else text_id("sto", session.store_id)
        if not await self._services.may_join(program, of):
            return Visitor(known=session is not None)
        gift = await self._services.gift(program)
        return Visitor(known=session is not None, may_join=True, gift=gift)
