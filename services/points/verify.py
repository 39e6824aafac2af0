"""The invariants of the ledger, recomputed."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.points.model import Entry, Purchase, Refund, decode_body
from services.points.rules.explaining import Record, explain
from services.points.settings import DOCUMENT
from services.points.store import load_refunds, load_spans
from shared.db.engine import Database
from shared.db.transaction import Tx
from shared.programs import Program
from shared.service import Violation
from shared.settings import store as settings
from shared.verify import pages, violations

V1: Final = "V1 balance = entries = open lots − debt = last running balance"
V2: Final = "V2 versions 1..n, each balance continues the one before"
V3: Final = "V3 lots: open − short = granted − drawn; drawn = allocated"
V4: Final = "V4 issued = outstanding + redeemed + expired + reversed"
V5: Final = "V5 an order's entries = its awards"
EXPLAIN: Final = "V5 every entry recomputes from its facts and rule version"


async def balances(database: Database, program: Program) -> Sequence[Violation]:
    """V1, per account."""
    found: list[Violation] = []
    async for tx, holders in pages(database, program, "account", "holder_id"):
        rows = await tx.fetch(
            """
            select a.holder_id as key, a.balance as expected,
                   array[coalesce(e.total, 0), coalesce(l.open, 0) - a.debt, coalesce(e.last, 0)]
                     as found
            from account a
            left join lateral (
              select sum(amount)::bigint as total,
                     (array_agg(balance_after order by version desc))[1] as last
              from entry e where e.program_id = a.program_id and e.holder_id = a.holder_id
                and e.wallet = a.wallet) e on true
            left join lateral (
              select sum(open)::bigint as open from lot l where l.program_id = a.program_id
                and l.holder_id = a.holder_id and l.wallet = a.wallet and l.open > 0) l on true
            where a.program_id = $1 and a.holder_id = any($2::uuid[])
              and array[a.balance, a.balance, a.balance] <>
                array[coalesce(e.total, 0), coalesce(l.open, 0) - a.debt, coalesce(e.last, 0)]
            """,
            program.id,
            holders,
        )
        found += violations(V1, rows, "mem", "member_id")
    return found


async def chains(database: Database, program: Program) -> Sequence[Violation]:
    """V2, per account."""
    found: list[Violation] = []
    async for tx, holders in pages(database, program, "account", "holder_id"):
        rows = await tx.fetch(
            """
            select holder_id as key, before + amount as expected, balance_after as found
            from (
              select holder_id, version, amount, balance_after,
                     lag(balance_after, 1, 0::bigint) over w as before,
                     row_number() over w as place
              from entry where program_id = $1 and holder_id = any($2::uuid[])
              window w as (partition by holder_id, wallet order by version)) line
            where version <> place or balance_after <> before + amount
            """,
            program.id,
            holders,
        )
        found += violations(V2, rows, "mem", "member_id")
        rows = await tx.fetch(
            """
            select a.holder_id as key, a.version as expected, count(e.version) as found
            from account a left join entry e on e.program_id = a.program_id
              and e.holder_id = a.holder_id and e.wallet = a.wallet
            where a.program_id = $1 and a.holder_id = any($2::uuid[])
            group by a.holder_id, a.wallet, a.version having count(e.version) <> a.version
            """,
            program.id,
            holders,
        )
        found += violations(V2, rows, "mem", "member_id")
    return found


async def lots(database: Database, program: Program) -> Sequence[Violation]:
    """V3, per lot."""
    found: list[Violation] = []
    async for tx, lot_ids in pages(database, program, "lot", "lot_id"):
        rows = await tx.fetch(
            """
            select l.lot_id as key, array[l.granted - l.drawn, l.drawn] as expected,
                   array[l.open - l.short, coalesce(sum(a.amount), 0)::bigint] as found
            from lot l left join allocation a
              on a.program_id = l.program_id and a.lot_id = l.lot_id
            where l.program_id = $1 and l.lot_id = any($2::uuid[])
            group by l.program_id, l.lot_id
            having l.granted - l.drawn <> l.open - l.short
              or l.drawn <> coalesce(sum(a.amount), 0)
            """,
            program.id,
            lot_ids,
        )
        found += violations(V3, rows, "lot", "lot_id")
    return found


async def book(database: Database, program: Program) -> Sequence[Violation]:
    """V4, summed from the pages."""
    issued = reversed_ = expired = redeemed = outstanding = 0
    async for tx, holders in pages(database, program, "account", "holder_id"):
        row = await tx.fetch_one(
            """
            select
              coalesce(sum(amount) filter (where kind in (1, 2, 3, 4)
                or (kind in (5, 6) and amount > 0)), 0)::bigint as issued,
              coalesce(-sum(amount) filter (where kind in (7, 18)
                or (kind in (5, 6) and amount < 0)), 0)::bigint as reversed,
              coalesce(-sum(amount) filter (where kind in (10, 13)), 0)::bigint as expired,
              coalesce(-sum(amount) filter (where kind in (8, 9)), 0)::bigint as redeemed,
              (select coalesce(sum(balance), 0)::bigint from account
               where program_id = $1 and holder_id = any($2::uuid[])) as outstanding
            from entry where program_id = $1 and holder_id = any($2::uuid[])
            """,
            program.id,
            holders,
        )
        assert row is not None
        issued += row["issued"]
        reversed_ += row["reversed"]
        expired += row["expired"]
        redeemed += row["redeemed"]
        outstanding += row["outstanding"]
    accounted = outstanding + redeemed + expired + reversed_
    if issued == accounted:
        return []
    return [Violation(V4, {"program": program.text_id}, issued, accounted)]


async def awards(database: Database, program: Program) -> Sequence[Violation]:
    """V5, per order: posted = Σ entries = Σ points of its awards (while somebody holds it)."""
    found: list[Violation] = []
    async for tx, order_ids in pages(database, program, "purchase", "order_id"):
        rows = await tx.fetch(
            """
            select p.order_id as key, p.posted, p.body, p.holder_id, coalesce(e.total, 0) as total
            from purchase p
            left join (
              select order_id, sum(amount)::bigint as total from entry
              where program_id = $1 and order_id = any($2::uuid[]) and kind not in (10, 11)
              group by order_id) e on e.order_id = p.order_id
            where p.program_id = $1 and p.order_id = any($2::uuid[])
            """,
            program.id,
            order_ids,
        )
        wrong = []
        for row in rows:
            given = sum(award.points for award in decode_body(row["body"]).awards)
            expected = given if row["holder_id"] else 0
            if not expected == row["posted"] == row["total"]:
                sums = [row["posted"], row["total"]]
                wrong.append({"key": row["key"], "expected": expected, "found": sums})
        found += violations(V5, wrong, "ord", "order_id")
    return found


async def explanations(database: Database, program: Program) -> Sequence[Violation]:
    """Every entry of an order recomputes to its amount."""
    found: list[Violation] = []
    async for tx, holders in pages(database, program, "account", "holder_id"):
        for holder in holders:
            found += await _explained(tx, program, holder)
    return found


async def _explained(tx: Tx, program: Program, holder: UUID) -> list[Violation]:
    rows = await tx.fetch(
        "select * from entry where program_id = $1 and holder_id = $2 and order_id is not null",
        program.id,
        holder,
    )
    entries = [Entry(**{k: v for k, v in dict(row).items() if k != "posted_at"}) for row in rows]
    orders = {(program.id, entry.order_id) for entry in entries if entry.order_id is not None}
    purchases = await _purchases(tx, program, orders)
    refunds = await load_refunds(tx, orders)
    spans = await load_spans(tx, [(program.id, holder)])
    versions = (await settings.load(tx, [DOCUMENT], [program.id])).of(program.id, "points")
    wrong = []
    for entry in entries:
        assert entry.order_id is not None
        mine = _of(refunds, entry.order_id)
        record = Record(program, entry, purchases[entry.order_id], mine, spans, versions)
        made = explain(record)
        if made is not None and made.award_after - made.award_before != entry.amount:
            sums = made.award_after - made.award_before
            keys = {"entry_id": entry.text_id}
            wrong.append(Violation(EXPLAIN, keys, sums, entry.amount))
    return wrong


def _of(refunds: Sequence[Refund], order_id: UUID) -> list[Refund]:
    mine = [refund for refund in refunds if refund.order_id == order_id]
    return sorted(mine, key=lambda refund: (refund.at, refund.refund_id))


async def _purchases(
    tx: Tx, program: Program, orders: set[tuple[int, UUID]]
) -> dict[UUID, Purchase]:
    rows = await tx.fetch(
        "select * from purchase where program_id = $1 and order_id = any($2::uuid[])",
        program.id,
        [order_id for _, order_id in orders],
    )
    return {
        row["order_id"]: Purchase(**dict(row) | {"body": decode_body(row["body"])}) for row in rows
    }


CHECKS: Final = {
    V1: balances,
    V2: chains,
    V3: lots,
    V4: book,
    V5: awards,
    EXPLAIN: explanations,
}
