"""Teams as who manages them changes them: each change one transaction, its deed in the same.

A title gives nothing: what somebody may do, their roles say.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from services.gateway.deeds import Deeds
from services.gateway.roster import store
from services.gateway.roster.model import MOST, Position, Title, Training, vacant_of_template
from services.gateway.staff.store import one_at_a_time
from shared.audit.deeds import Actor
from shared.db.engine import Database
from shared.db.locks import lock_key
from shared.db.transaction import Tx, transaction
from shared.errors import FieldError, HttpProblem
from shared.ids import text_id
from shared.programs import Program
from shared.random_ids import uuid7
from shared.sealing import KeyRing


class Roster:
    """Makes, changes and removes positions and trainings of a program."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._deeds = Deeds(keys)

    async def add_position(
        self, actor: Actor, program: Program, title: Title, staff_id: UUID | None
    ) -> Position:
        """A new position. Raises 422 for who does not work here, 409 `too-many-positions`."""
        position = Position(uuid7(actor.at), title, staff_id)
        async with transaction(self._database, wait_seconds=1.0) as tx:
            _expect_room(len(await _titles(tx, program)) + 1)
            await _expect_at_work(tx, program, staff_id)
            await store.add_positions(tx, program.id, [position])
            await self._record(tx, actor, program, "positions.create", position)
        return position

    async def fill_from_template(self, actor: Actor, program: Program) -> int:
        """Vacancies for what the team lacks of the template; how many.

        Raises 409 `too-many-positions`.
        """
        async with transaction(self._database, wait_seconds=1.0) as tx:
            have = await _titles(tx, program)
            made = [Position(uuid7(actor.at), each, None) for each in vacant_of_template(have)]
            _expect_room(len(have) + len(made))
            await store.add_positions(tx, program.id, made)
            if made:
                titles = {"titles": [each.title for each in made]}
                name = program.text_id
                await self._deeds.add(tx, actor, "positions.template", name, name, titles)
        return len(made)

    async def change_position(
        self, actor: Actor, program: Program, position_id: UUID, wanted: Mapping[str, Any]
    ) -> Position:
        """A position with what is wanted of it. Raises 404, 422 for who does not work here."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            known = await store.lock_position(tx, program.id, position_id)
            if known is None:
                raise HttpProblem(404, "not-found", "No such position.")
            changed = replace(known, **wanted)
            if changed != known:
                await _expect_at_work(tx, program, wanted.get("staff_id"))
                await store.save_position(tx, program.id, changed)
                await self._record(tx, actor, program, "positions.change", changed)
        return changed

    async def remove_position(self, actor: Actor, program: Program, position_id: UUID) -> None:
        """Take a position away. Raises 404."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            if not await store.remove_position(tx, program.id, position_id):
                raise HttpProblem(404, "not-found", "No such position.")
            name = text_id("pos", position_id)
            await self._deeds.add(tx, actor, "positions.remove", name, program.text_id)

    async def add_training(self, actor: Actor, program: Program, training: Training) -> Training:
        """A new training. Raises 422 for who does not work here."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            await _expect_at_work(tx, program, training.staff_id)
            await store.add_training(tx, program.id, training)
            await self._record(tx, actor, program, "trainings.create", training)
        return training

    async def change_training(
        self,
        actor: Actor,
        program: Program,
        training_id: UUID,
        wanted: Mapping[str, Any],
        today: date,
    ) -> Training:
        """A training with what is wanted of it. Raises 404, 422 for one passed tomorrow."""
        passed: date | None = wanted.get("passed_on")
        if passed is not None and passed > today:
            error = FieldError("/passed_on", "in-future", f"must not be after {today}")
            raise HttpProblem(422, "invalid", "1 field is not valid.", errors=[error])
        async with transaction(self._database, wait_seconds=1.0) as tx:
            known = await store.lock_training(tx, program.id, training_id)
            if known is None:
                raise HttpProblem(404, "not-found", "No such training.")
            changed = replace(known, **wanted)
            if changed != known:
                await store.save_training(tx, program.id, changed)
                await self._record(tx, actor, program, "trainings.change", changed)
        return changed

    async def remove_training(self, actor: Actor, program: Program, training_id: UUID) -> None:
        """Take a training away. Raises 404."""
        async with transaction(self._database, wait_seconds=1.0) as tx:
            if not await store.remove_training(tx, program.id, training_id):
                raise HttpProblem(404, "not-found", "No such training.")
            name = text_id("trn", training_id)
            await self._deeds.add(tx, actor, "trainings.remove", name, program.text_id)

    async def _record(
        self, tx: Tx, actor: Actor, program: Program, action: str, what: Position | Training
    ) -> None:
        await self._deeds.add(tx, actor, action, what.text_id, program.text_id, what.values)


async def _titles(tx: Tx, program: Program) -> Sequence[Title]:
    """The titles there are, to which nobody else adds until the commit."""
    await one_at_a_time(tx, lock_key(f"team\0{program.text_id}"))
    return await store.list_titles(tx, program.id)


def _expect_room(positions: int) -> None:
    if positions > MOST:
        detail = f"A team has {MOST} positions at most."
        raise HttpProblem(409, "too-many-positions", detail)


async def _expect_at_work(tx: Tx, program: Program, staff_id: UUID | None) -> None:
    if staff_id is not None and not await store.works_here(tx, program.id, staff_id):
        error = FieldError("/staff_id", "unknown-staff", "does not work in this program")
        raise HttpProblem(422, "invalid", "1 field is not valid.", errors=[error])
