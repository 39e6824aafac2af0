"""A long past: ledger lines of the same members, put into a database by SQL.

Half of them are points earned, each a lot of its own, and half the spending of such a lot. They
hold no balance, so what a drain must come to stays as it was.
"""

from typing import Final

import asyncpg

from services.points.model import POINTS, EntryKind, LotState, SourceKind
from tests.backing import postgres

AMOUNT: Final = 10
_ACCOUNT: Final = f"""
insert into points.account
  (program_id, holder_id, wallet, balance, open, debt, held, pending, version)
select program_id, holder_id, {POINTS}, 0, 0, 0, 0, 0, $1 from past
"""
_ENTRIES: Final = f"""
insert into points.entry
  (program_id, holder_id, wallet, version, kind, amount, balance_after, at, posted_at,
   source_kind, source_id, order_id, cause_event, rule_version)
select program_id, holder_id, {POINTS}, version,
  case when version % 2 = 1 then {EntryKind.EARN} else {EntryKind.SPEND} end,
  case when version % 2 = 1 then {AMOUNT} else -{AMOUNT} end,
  case when version % 2 = 1 then {AMOUNT} else 0 end,
  '2024-01-01'::timestamptz + version * interval '1 hour', now(),
  {SourceKind.IMPORT}, md5(holder_id::text || version)::uuid, null,
  md5('cause' || holder_id::text || version)::uuid, 1
from past cross join generate_series(1, $1::bigint) version
"""
_LOTS: Final = f"""
insert into points.lot
  (program_id, lot_id, holder_id, wallet, order_id, granted, drawn, expired, held, open, short,
   state, earned_at, usable_from, expires_at, first_expires_at, expiry_rule, unit_cost_minor)
select program_id, md5('lot' || holder_id::text || version)::uuid, holder_id, {POINTS}, null,
  {AMOUNT}, {AMOUNT}, 0, 0, 0, 0, {LotState.CLOSED}, at, at, at + interval '12 months',
  at + interval '12 months', 'months:12', 1
from past cross join generate_series(1, $1::bigint, 2) version
cross join lateral (select '2024-01-01'::timestamptz + version * interval '1 hour' as at) earned
"""
_ALLOCATIONS: Final = f"""
insert into points.allocation (program_id, holder_id, wallet, version, part, lot_id, amount)
select program_id, holder_id, {POINTS}, version, 0,
  md5('lot' || holder_id::text || (version - 1))::uuid, -{AMOUNT}
from past cross join generate_series(2, $1::bigint, 2) version
"""


async def with_past(server: str, template: str, lines: int) -> str:
    """A copy of a database in which points knows its members, with so many ledger lines."""
    url = await postgres.make(server, postgres.name_of(template))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set synchronous_commit = off")
        await connection.execute(
            "create temp table past as select distinct program_id, holder_id from points.tier_span"
        )
        members = await connection.fetchval("select count(*) from past")
        each = lines // members // 2 * 2
        if each:
            for statement in (_ACCOUNT, _ENTRIES, _LOTS, _ALLOCATIONS):
                await connection.execute(statement, each, timeout=3_600)
        await connection.execute("drop table past")
        await connection.execute("vacuum analyze", timeout=3_600)
        await connection.execute("checkpoint", timeout=3_600)
    finally:
        await connection.close()
    return url
