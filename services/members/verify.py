"""The invariants of members, recomputed."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.members.model import Member
from services.members.tiers import store as tiers
from services.members.tiers.rules.timeline import Segment, timeline
from services.members.tiers.settings import FAMILY, LADDER
from shared.db.engine import Database
from shared.db.transaction import Tx
from shared.ids import text_id
from shared.programs import Program
from shared.service import Violation
from shared.settings import store as settings
from shared.verify import pages

V8: Final = "V8 stored tiers = timeline(facts, settings)"


async def stored_tiers(database: Database, program: Program) -> Sequence[Violation]:
    """Every member's segments and sums are what their facts make them."""
    found: list[Violation] = []
    async for tx, member_ids in pages(database, program, "member", "member_id"):
        found += await _page(tx, program, member_ids)
    return found


async def _page(tx: Tx, program: Program, member_ids: Sequence[UUID]) -> list[Violation]:
    keys = [(program.id, member_id) for member_id in member_ids]
    rows = await tx.fetch(
        "select * from member where program_id = $1 and member_id = any($2::uuid[])",
        program.id,
        member_ids,
    )
    members = {row["member_id"]: Member(**row) for row in rows}
    ladders = (await settings.load(tx, [LADDER], [program.id])).family(program.id, FAMILY)
    facts = await tiers.load_facts(tx, keys, [])
    segments = await tiers.load_segments(tx, keys)
    standings = {row.key: row for row in await tiers.load_standings(tx, keys)}
    found = []
    for member_id, member in members.items():
        mine = [fact for fact in facts if fact.member_id == member_id]
        for ladder, versions in ladders.items():
            derived = timeline(mine, versions, member.effective_from)
            if derived is None:
                continue
            stored = tuple(
                Segment(s.from_at, s.tier, s.rank, s.pay_bp, s.cause_kind, s.cause_id, s.version)
                for s in sorted(segments, key=lambda s: (s.from_at, s.revision, s.no))
                if s.member_id == member_id and s.ladder == ladder
            )
            standing = standings.get((program.id, member_id, ladder))
            sums = (derived.standing.amount, derived.standing.orders)
            held = (standing.amount, standing.orders) if standing else None
            if stored != derived.segments or held != sums:
                keys_of = {"member_id": text_id("mem", member_id), "ladder": ladder}
                expected = [str(derived.segments), sums]
                found.append(Violation(V8, keys_of, expected, [str(stored), held]))
    return found


CHECKS: Final = {V8: stored_tiers}
