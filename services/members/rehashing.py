"""Known under an older index key, to be known under the newest one: page by page, by command.

The profiles say what was hashed. Each page is a command of the service, so that tables made anew
from the log know what was found out. What no profile tells stays under the older key alone.
"""

from collections.abc import Sequence
from typing import Final

from services.members import NAME, identity_rows
from services.members.flow import FLOW
from services.members.identity_rows import BEGINNING
from services.members.model import Rehash, Rehashed
from services.members.profile import store as profiles
from services.members.profile.model import Profile
from services.members.profile.vault import Vault
from shared import commands
from shared.audit.deeds import Actor, Deed
from shared.db import programs
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, statements, transaction
from shared.effect import effect
from shared.flow import Command
from shared.programs import Program
from shared.random_ids import random_id
from shared.sealing import KeyRing

PAGE: Final = 500


class Rehasher:
    """Finds the hashes of what members holds under the newest index key."""

    def __init__(self, database: Database, keys: KeyRing, actor: Actor) -> None:
        self._database = database
        self._keys = keys
        self._vault = Vault(keys.folder)
        self._actor = actor

    async def run(self) -> int:
        """All pages of all programs; how many identities were found under the newest key."""
        async with statements(self._database) as tx:
            known = await programs.load(tx)
        found = 0
        for program in known.values():
            found += await self._program(program)
        return found

    async def count_older(self) -> int:
        """Phones and e-mails that are known under older keys alone."""
        async with statements(self._database) as tx:
            return await identity_rows.count_older(tx, self._version)

    @property
    def _version(self) -> str:
        return f"v{self._keys.newest_index}."

    async def _program(self, program: Program) -> int:
        found, after = 0, BEGINNING
        while True:
            async with transaction(self._database) as tx:
                rows = await identity_rows.list_older(tx, program.id, self._version, after, PAGE)
                page = await self._found(tx, program, rows)
                if page:
                    await self._carry_out(tx, program, Rehash(page))
            found += len(page)
            if len(rows) < PAGE:
                return found
            after = tuple(rows[-1])[:3]

    async def _found(self, tx: Tx, program: Program, rows: Sequence[Row]) -> tuple[Rehashed, ...]:
        keys = {(program.id, row["customer_id"]) for row in rows}
        opened = {}
        for kept in await profiles.load_profiles(tx, keys):
            try:
                opened[kept.customer_id] = self._vault.open(kept)
            except ValueError:
                continue  # damaged: it is counted where it is written
        return tuple(
            each
            for row in rows
            if (each := self._rehashed(program, row, opened.get(row["customer_id"], {})))
        )

    def _rehashed(self, program: Program, row: Row, profile: Profile) -> Rehashed | None:
        """An identity under the newest key; None where the profile holds another phone by now."""
        told = profile.get(row["kind"])
        if told is None:
            return None
        newest, *older = self._keys.blind_indexes(program.text_id, row["kind"], told.value)
        if not {row["hash"], *row["others"]}.intersection(older):
            return None
        return Rehashed(row["customer_id"], row["kind"], row["hash"], newest)

    async def _carry_out(self, tx: Tx, program: Program, wanted: Rehash) -> None:
        item = Command(random_id(), program.text_id, self._actor.at, self._actor.id, wanted)
        fold = await effect(tx, NAME, FLOW, [item], {program.text_id: program})
        if fold.failures:
            raise fold.failures[0].error
        deed = Deed("identities.rehash", program.text_id, program.text_id)
        await commands.keep(tx, program, self._actor, item, deed)
