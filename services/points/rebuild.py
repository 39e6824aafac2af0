"""What of points follows from its ledger alone: balances, lots, what orders were given.

Entries and allocations are never changed. What a lot's source grants is the sum of its entries,
what was drawn of it the sum of its allocations; an account is the sum of both.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from services.points.model import Entry, EntryKind, LotState
from services.points.rules.tracing import DRAWING, granted_by_lot
from shared.db import programs
from shared.db.transaction import Tx
from shared.errors import Misconfigured
from shared.programs import Program
from shared.service import Derived

PAGE: Final = 500
_DRAWING: Final = ", ".join(str(int(kind)) for kind in sorted(DRAWING))

_GRANTED: Final = """
create temporary table granted (
  program_id integer not null, holder_id uuid not null, lot_id uuid not null, amount bigint not null
) on commit drop
"""
_LOTS: Final = f"""
insert into {{twin}}.lot (program_id, lot_id, holder_id, wallet, order_id, granted, drawn, expired,
  held, open, short, state, earned_at, usable_from, expires_at, first_expires_at, expiry_rule,
  unit_cost_minor)
select program_id, lot_id, coalesce(l.holder_id, g.holder_id), coalesce(l.wallet, 1),
  l.order_id, m.granted, m.drawn, coalesce(d.expired, 0), m.held, m.open,
  m.open - m.granted + m.drawn,
  case when m.open > 0 then {int(LotState.OPEN)} else {int(LotState.CLOSED)} end,
  coalesce(l.earned_at, 'epoch'), coalesce(l.usable_from, 'epoch'), l.expires_at,
  l.first_expires_at, coalesce(l.expiry_rule, ''), coalesce(l.unit_cost_minor, 0)
from lot l
full join (
  select program_id, lot_id, sum(amount)::bigint as amount, (array_agg(holder_id))[1] as holder_id
  from granted group by program_id, lot_id) g using (program_id, lot_id)
left join (
  select program_id, lot_id, sum(a.amount)::bigint as drawn,
    coalesce(sum(a.amount) filter (where e.kind = {int(EntryKind.EXPIRE)}), 0)::bigint as expired
  from allocation a join entry e using (program_id, holder_id, wallet, version)
  where a.lot_id is not null group by program_id, lot_id) d using (program_id, lot_id)
cross join lateral (
  select coalesce(g.amount, 0) as granted, coalesce(d.drawn, 0) as drawn,
    coalesce(l.held, 0) as held,
    greatest(coalesce(l.held, 0), coalesce(g.amount, 0) - coalesce(d.drawn, 0)) as open) m
"""
"""Of a lot that is missing only the sums follow; the rest is left empty."""
_ACCOUNTS: Final = """
insert into {twin}.account (program_id, holder_id, wallet, balance, open, debt, held, pending,
  version)
select program_id, holder_id, wallet, coalesce(e.balance, 0), coalesce(l.open, 0),
  coalesce(l.open, 0) - coalesce(e.balance, 0), least(coalesce(a.held, 0), coalesce(l.open, 0)),
  coalesce(a.pending, 0), coalesce(e.version, 0)
from account a
full join (
  select program_id, holder_id, wallet, sum(amount)::bigint as balance, max(version) as version
  from entry group by program_id, holder_id, wallet) e using (program_id, holder_id, wallet)
left join (
  select program_id, holder_id, wallet, sum(open)::bigint as open
  from {twin}.lot group by program_id, holder_id, wallet) l using (program_id, holder_id, wallet)
"""
_PURCHASES: Final = f"""
insert into {{twin}}.purchase (program_id, order_id, order_no, customer_id, holder_id, store_id,
  status, completed_at, rule_version, tier, refunded, posted, body)
select program_id, order_id, p.order_no, p.customer_id, p.holder_id, p.store_id, p.status,
  p.completed_at, p.rule_version, p.tier, p.refunded, coalesce(e.posted, 0), p.body
from purchase p
left join (
  select program_id, order_id, sum(amount)::bigint as posted from entry
  where kind not in ({_DRAWING}) group by program_id, order_id) e using (program_id, order_id)
"""


async def fill(tx: Tx, twin: str) -> None:
    """Make accounts, lots and what orders were given from entries and allocations."""
    await tx.execute("drop table if exists granted")
    await tx.execute(_GRANTED)
    for program in (await programs.load(tx)).values():
        async for entries in _accounts(tx, program):
            await _grant(tx, program, entries)
    for statement in (_LOTS, _ACCOUNTS, _PURCHASES):
        await tx.execute(statement.format(twin=twin))


async def _grant(tx: Tx, program: Program, entries: Sequence[Entry]) -> None:
    """Note what the entries of an account granted, lot by lot."""
    holder = entries[0].holder_id
    try:
        granted = granted_by_lot(program.text_id, entries)
    except ValueError as error:
        raise Misconfigured(f"the ledger of points is not sound: {error}") from error
    await tx.execute_many(
        "insert into granted values ($1, $2, $3, $4)",
        [(program.id, holder, lot, amount) for lot, amount in granted.items()],
    )


async def _accounts(tx: Tx, program: Program) -> AsyncIterator[Sequence[Entry]]:
    """The entries of a program, one account after the other."""
    after: UUID | None = None
    while True:
        rows = await tx.fetch(
            """
            select * from entry where program_id = $1 and holder_id in (
              select distinct holder_id from entry
              where program_id = $1 and ($2::uuid is null or holder_id > $2)
              order by holder_id limit $3)
            order by holder_id, wallet, version
            """,
            program.id,
            after,
            PAGE,
        )
        if not rows:
            return
        mine: dict[tuple[UUID, int], list[Entry]] = {}
        for row in rows:
            values = {name: value for name, value in row.items() if name != "posted_at"}
            entry = Entry(**values)
            mine.setdefault((entry.holder_id, entry.wallet), []).append(entry)
        for entries in mine.values():
            yield entries
        after = rows[-1]["holder_id"]


DERIVED: Final = Derived(
    columns={
        "account": ("balance", "open", "debt", "version"),
        "lot": ("granted", "drawn", "expired", "open", "short", "state"),
        "purchase": ("posted",),
    },
    fill=fill,
)
