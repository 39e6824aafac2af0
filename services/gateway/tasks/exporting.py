"""The task that gathers exports: every service is asked, and members keeps the file, sealed."""

import asyncio
from datetime import timedelta
from typing import Final

import httpx2
import msgspec

from services.gateway import NAME
from services.gateway.exports import store
from services.gateway.exports.asking import Gone, Holders, TooLarge
from services.gateway.exports.model import Export, later
from services.gateway.exports.packing import pack
from services.gateway.proxy import client
from services.gateway.tasks.together import together
from shared.days import render
from shared.db.transaction import statements, transaction
from shared.http.held import plain
from shared.http.tokens import Minter
from shared.ids import parse_id, text_id
from shared.logs import logger
from shared.service import Tasking
from shared.turns import turns

CLAIM: Final = timedelta(minutes=5)
AT_ONCE: Final = 2
IDLE_SECONDS: Final = 2.0


async def exporting(tasking: Tasking, stopping: asyncio.Event) -> None:
    """Gather what is asked for until told to stop."""
    async with client() as http:
        minter = Minter(tasking.keys, tasking.around.clock)
        exporter = Exporter(tasking, Holders(tasking.config, minter, http))
        await turns(NAME, "export", exporter.turn, stopping, IDLE_SECONDS)


class Exporter:
    """Gathers exports."""

    def __init__(self, tasking: Tasking, holders: Holders) -> None:
        self._database = tasking.database
        self._around = tasking.around
        self._holders = holders

    async def turn(self) -> int:
        """Gather what is due; how many exports that were."""
        now = self._around.clock()
        async with transaction(self._database) as tx:
            due = await store.claim_exports(tx, now, now + CLAIM, AT_ONCE)
        return await together(due, self._one, self._around)

    async def _one(self, export: Export) -> None:
        now = self._around.clock()
        if export.expires_at <= now:
            await self._note(export, "failed", why="it could not be gathered in time")
            return
        try:
            found, customers = await self._holders.gather(export)
            found[NAME] = await self._own(export, customers)
            await self._holders.keep(export, pack(_about(export), found))
        except Gone:
            await self._note(export, "failed", why="no such member")
        except TooLarge:
            await self._note(export, "failed", why="the file is too large for members to keep")
        except (httpx2.HTTPError, msgspec.MsgspecError) as error:
            logger(NAME).info("export", reason=f"{type(error).__name__}: {error}"[:200])
            await self._note(export, "gathering", after=later(export.attempts))
        else:
            await self._note(export, "ready")

    async def _own(
        self, export: Export, customers: list[str]
    ) -> dict[str, list[dict[str, object]]]:
        """What the gateway itself keeps."""
        identities = [parse_id("cus", each) for each in customers]
        async with statements(self._database) as tx:
            found = await store.list_shopping(tx, export.program_id, export.member_id, identities)
        return {name: [plain(dict(row)) for row in rows] for name, rows in found.items()}

    async def _note(
        self, export: Export, state: str, *, after: timedelta = timedelta(), why: str | None = None
    ) -> None:
        async with transaction(self._database) as tx:
            await store.note_export(tx, export, state, self._around.clock() + after, why)


def _about(export: Export) -> dict[str, str]:
    return {
        "program_id": export.program,
        "member_id": text_id("mem", export.member_id),
        "export_id": text_id("axp", export.export_id),
        "requested_at": render(export.requested_at),
    }
