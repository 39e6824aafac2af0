"""The invariants of coupons, recomputed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.campaigns import store
from services.campaigns.coupons import store as coupons
from services.campaigns.coupons.model import (
    Coupon,
    CouponState,
    Entitlement,
    Holder,
    HolderKind,
    Naming,
)
from services.campaigns.coupons.rules.settling import owed_until
from services.campaigns.coupons.rules.standing import stand
from services.campaigns.coupons.settings import CouponSettings
from services.campaigns.model import MemberView, Promise
from services.campaigns.rules.netting import remains
from services.campaigns.rules.rewarding import targets
from services.campaigns.rules.welcoming import welcome
from shared.days import BEGINNING
from shared.db.engine import Database
from shared.db.sweep_rows import watermarks
from shared.db.transaction import Tx
from shared.ids import text_id
from shared.programs import Program
from shared.service import Violation
from shared.verify import pages, violations

COUNTS: Final = "V9 coupons issued = open + held + used + expired + revoked"
HISTORY: Final = "V9 a coupon's history is gapless and ends where the coupon stands"
LIMITS: Final = "V9 stock and limits = coupons that are not revoked"
ORDERS: Final = "V9 coupons after orders = what the orders earned"
GIFTS: Final = "V9 coupons for joining = what the members are owed"
FACTS: Final = "V9 coupons stand where their facts put them"


async def counts(database: Database, program: Program) -> Sequence[Violation]:
    """Per template: every coupon that was issued is in one of the five states."""
    found: list[Violation] = []
    async for tx, template_ids in pages(database, program, "coupon_template", "template_id"):
        rows = await tx.fetch(
            """
            select c.template_id as key, count(h.no) as expected,
                   count(*) filter (where c.state between 1 and 5 and c.version > 0) as found
            from coupon c left join coupon_history h
              on h.program_id = c.program_id and h.coupon_id = c.coupon_id and h.no = 1
            where c.program_id = $1 and c.template_id = any($2::uuid[])
            group by c.template_id
            having count(h.no) <>
              count(*) filter (where c.state between 1 and 5 and c.version > 0)
            """,
            program.id,
            template_ids,
        )
        found += violations(COUNTS, rows, "cpt", "template_id")
    return found


async def histories(database: Database, program: Program) -> Sequence[Violation]:
    """Per coupon: lines 1 … version, the last one with its state."""
    found: list[Violation] = []
    async for tx, coupon_ids in pages(database, program, "coupon", "coupon_id"):
        rows = await tx.fetch(
            """
            select c.coupon_id as key, array[c.version, c.version, c.state] as expected,
                   array[count(h.no), coalesce(max(h.no), 0),
                         coalesce((array_agg(h.state order by h.no desc))[1], c.state)] as found
            from coupon c left join coupon_history h
              on h.program_id = c.program_id and h.coupon_id = c.coupon_id
            where c.program_id = $1 and c.coupon_id = any($2::uuid[])
            group by c.program_id, c.coupon_id
            having array[c.version, c.version, c.state] <>
              array[count(h.no), coalesce(max(h.no), 0),
                    coalesce((array_agg(h.state order by h.no desc))[1], c.state)]
            """,
            program.id,
            coupon_ids,
        )
        found += violations(HISTORY, rows, "cpn", "coupon_id")
    return found


async def limits(database: Database, program: Program) -> Sequence[Violation]:
    """Per template: what is taken of its stock, and what each holder has of it."""
    found: list[Violation] = []
    async for tx, template_ids in pages(database, program, "coupon_template", "template_id"):
        rows = await tx.fetch(
            """
            select s.stock_id as key, sum(s.taken)::bigint as expected,
                   (select count(*) from coupon c where c.program_id = $1
                      and c.template_id = s.stock_id and c.state between 1 and 4) as found
            from stock s where s.program_id = $1 and s.stock_id = any($2::uuid[])
            group by s.stock_id
            """,
            program.id,
            template_ids,
        )
        wrong = [row for row in rows if row["expected"] != row["found"]]
        found += violations(LIMITS, wrong, "cpt", "template_id")
        rows = await tx.fetch(
            """
            select coalesce(q.quota_id, c.template_id) as key, coalesce(q.taken, 0) as expected,
                   coalesce(c.had, 0) as found
            from (
              select quota_id, holder_id, taken from quota
              where program_id = $1 and quota_id = any($2::uuid[])) q
            full join (
              select c.template_id, c.holder_id, count(*) as had
              from coupon c join coupon_template t on t.program_id = c.program_id
                and t.template_id = c.template_id and t.body ->> 'per_member' is not null
              where c.program_id = $1 and c.template_id = any($2::uuid[])
                and c.state between 1 and 4
              group by c.template_id, c.holder_id) c
              on c.template_id = q.quota_id and c.holder_id = q.holder_id
            where coalesce(q.taken, 0) <> coalesce(c.had, 0)
            """,
            program.id,
            template_ids,
        )
        found += violations(LIMITS, rows, "cpt", "template_id")
    return found


async def after_orders(database: Database, program: Program) -> Sequence[Violation]:
    """Per order: its coupons are those that it earned, from when and until when it did."""
    found: list[Violation] = []
    async for tx, order_ids in pages(database, program, "order_fact", "order_id"):
        keys = [(program.id, order_id) for order_id in order_ids]
        orders = await store.load_orders(tx, keys)
        refunds = await store.load_refunds(tx, keys)
        instants = [order.completed_at for order in orders if order.completed_at is not None]
        promises = await _promises(tx, program, instants)
        stored = await _stored(tx, program, order_ids)
        for order in orders:
            back = [refund for refund in refunds if refund.order_id == order.order_id]
            left = remains(order.body.lines, back)
            nobody = Holder(HolderKind.CUSTOMER, order.order_id)
            owed = targets(order, left, promises, program.currency, nobody)
            found += _differences(ORDERS, program, owed, stored.get(order.order_id, ()))
    return found


async def for_joining(database: Database, program: Program) -> Sequence[Violation]:
    """Per member: the coupons for joining are those that are owed."""
    found: list[Violation] = []
    async for tx, member_ids in pages(database, program, "member_view", "member_id"):
        rows = await tx.fetch(
            "select * from member_view where program_id = $1 and member_id = any($2::uuid[])",
            program.id,
            member_ids,
        )
        members = [MemberView(**row) for row in rows]
        instants = [each.effective_from for each in members if each.effective_from is not None]
        promises = await _promises(tx, program, instants)
        stored = await _stored(tx, program, member_ids)
        for member in members:
            owed = welcome(member, promises)
            found += _differences(GIFTS, program, owed, stored.get(member.member_id, ()))
    return found


async def standings(database: Database, program: Program) -> Sequence[Violation]:
    """Per coupon that was issued: state, the order that used it, validity, who is over-use."""
    found: list[Violation] = []
    async for tx, coupon_ids in pages(database, program, "coupon", "coupon_id"):
        rows = await tx.fetch(
            """
            select * from coupon
            where program_id = $1 and coupon_id = any($2::uuid[]) and version > 0
            """,
            program.id,
            coupon_ids,
        )
        issued = [Coupon(**row) for row in rows]
        namings = await coupons.load_namings(tx, [coupon.key for coupon in issued])
        made_from = {(program.id, coupon.template_id) for coupon in issued}
        templates = {each.key: each for each in await coupons.load_templates(tx, made_from, [])}
        swept = (await watermarks(tx, store.LAPSE)).get(program.id, BEGINNING)
        for coupon in issued:
            mine = [naming for naming in namings if naming.coupon == coupon.key]
            body = templates[program.id, coupon.template_id].body
            found += _misplaced(program, coupon, mine, body, swept)
    return found


def _misplaced(
    program: Program,
    coupon: Coupon,
    namings: list[Naming],
    body: CouponSettings,
    swept: datetime,
) -> list[Violation]:
    """A coupon that is not where its facts put it. One that the next sweep takes may still wait."""
    namings.sort(key=lambda each: (each.at, each.order_id))
    horizon = swept if coupon.state == CouponState.EXPIRED else BEGINNING
    facts = stand(coupon, namings, body, program.zone, horizon)
    expected = [facts.state, facts.order_id, facts.valid_from, facts.valid_to, facts.over_used]
    told = frozenset(naming.order_id for naming in namings if naming.over_use)
    stored = [coupon.state, coupon.order_id, coupon.valid_from, coupon.valid_to, told]
    if expected == stored:
        return []
    keys = {"coupon_id": text_id("cpn", coupon.coupon_id)}
    return [Violation(FACTS, keys, str(expected), str(stored))]


async def _promises(tx: Tx, program: Program, instants: Sequence[datetime]) -> tuple[Promise, ...]:
    if not instants:
        return ()
    spans = {program.id: (min(instants), max(instants))}
    return (await store.load_promises(tx, spans)).get(program.id, ())


async def _stored(
    tx: Tx, program: Program, sources: Sequence[UUID]
) -> Mapping[UUID, Sequence[Coupon]]:
    """Coupons by what they came from."""
    rows = await tx.fetch(
        "select * from coupon where program_id = $1 and source_id = any($2::uuid[])",
        program.id,
        sources,
    )
    found: dict[UUID, list[Coupon]] = {}
    for row in rows:
        found.setdefault(row["source_id"], []).append(Coupon(**row))
    return found


def _differences(
    invariant: str, program: Program, owed: Iterable[Entitlement], stored: Iterable[Coupon]
) -> list[Violation]:
    """From when and until when coupons are owed, by what is recomputed and by their rows."""
    intervals = {
        each.coupon_id(program): (each.since, owed_until(each, program.zone)) for each in owed
    }
    rows = {coupon.coupon_id: (coupon.since, coupon.owed_until) for coupon in stored}
    expected, found = _lasting(intervals), _lasting(rows)
    return [
        Violation(
            invariant,
            {"coupon_id": text_id("cpn", identity)},
            str(expected.get(identity)),
            str(found.get(identity)),
        )
        for identity in sorted(expected.keys() | found.keys())
        if expected.get(identity) != found.get(identity)
    ]


def _lasting(
    intervals: Mapping[UUID, tuple[datetime, datetime | None]],
) -> dict[UUID, tuple[datetime, datetime | None]]:
    """Those that are owed for some time."""
    return {
        identity: (since, until)
        for identity, (since, until) in intervals.items()
        if until is None or since < until
    }


CHECKS: Final = {
    COUNTS: counts,
    HISTORY: histories,
    LIMITS: limits,
    ORDERS: after_orders,
    GIFTS: for_joining,
    FACTS: standings,
}
