"""Routes of points."""

import base64
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Row

from services.points import queries
from services.points.model import (
    POINTS,
    WALLETS,
    Entry,
    EntryKind,
    Lot,
    Purchase,
    RefundState,
    SourceKind,
    decode_refund,
    lot_id,
)
from services.points.rules.announcing import book_account, source_text, worth
from services.points.rules.explaining import Explanation, Record, explain, later, why
from services.points.rules.telling import sentence
from services.points.schemas import (
    Balance,
    Balances,
    EntryPage,
    ExceptionPage,
    ExplanationAnswer,
    LotPage,
    Totals,
)
from services.points.settings import DOCUMENT
from shared.clock import Clock
from shared.days import render
from shared.db.transaction import statements
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, scope_of, scoped
from shared.http.many import ManyMembers
from shared.http.paging import USUAL, PageSize, PageToken, after, after_id, page
from shared.http.plain import PlainRoute
from shared.http.reading import Reader, known_id, reading, values
from shared.ids import parse_id, text_id
from shared.settings import store as settings

ROUTER = router(prefix="/v1", tags=["points"])
_READING: Final = "points.read"
_Read = Annotated[Scope, Depends(scoped(_READING))]
Language = Annotated[Literal["zh", "en"], Query(description="Of the words in the answer")]
WAIT_SECONDS: Final = 1.0
"""How long a connection is waited for."""
_NOTHING: Final = dict.fromkeys(("balance", "open", "held", "pending", "debt", "version"), 0)
_ENTRY_LENGTH = 29
_ENTRY_BYTES = 18


async def balance(request: Request, member_id: str) -> JSONResponse:
    """A member's wallets: balance, what may be spent, next expiry, worth."""
    scope = await scope_of(request, _READING)
    return await balance_of(request, scope, member_id)


async def balance_of(
    request: Request, scope: Scope, member_id: str, *, known: bool = False
) -> JSONResponse:
    """The wallets of a member, as they are told.

    Raises 404 for nobody; who is known to be a member has nothing before the first points.
    """
    holder = known_id("mem", member_id, "member")
    clock: Clock = request.app.state.clock
    now = clock()
    async with statements(request.app.state.database, wait_seconds=WAIT_SECONDS) as tx:
        row = await queries.find_balance(tx, scope.program_uuid, holder, now)
        if row is None:
            raise HttpProblem(404, "not-found", "No such program.")
        if row["version"] is None:
            if not known:
                raise HttpProblem(404, "not-found", "No such member.")
            row = {**row, **_NOTHING}
        published = await settings.load(tx, (DOCUMENT,), (row["program_id"],))
    version = published.of(row["program_id"], DOCUMENT.name).at(now)
    wallet = {
        "wallet": WALLETS[POINTS],
        "kind": "points",
        "balance": row["balance"],
        "available": max(0, row["open"] - row["held"] - row["debt"] - row["lapsed"]),
        "held": row["held"],
        "pending": row["pending"],
        "debt": row["debt"],
        "next_expiry": {"at": render(row["next_at"]), "amount": row["next_amount"]}
        if row["next_at"]
        else None,
        "value": {
            "amount_minor": worth(row["balance"], version.body if version else None),
            "currency": row["currency"],
        },
        "version": row["version"],
    }
    return JSONResponse({"member_id": member_id, "wallets": [wallet]})


ROUTER.add_api_route(
    "/members/{member_id}/balance",
    balance,
    name="balance.get",
    response_model=Balance,
    dependencies=[Depends(scoped(_READING))],
    route_class_override=PlainRoute,
)


@ROUTER.post("/balances:of", name="balances.of", response_model=Balances)
async def balances(request: Request, body: ManyMembers, scope: _Read) -> Any:
    """What many members have, for a page of them."""
    holders = {parse_id("mem", each) for each in body.member_ids}
    async with reading(request, scope) as reader:
        rows = await queries.list_balances(reader, holders)
    return {
        "items": [
            {"member_id": text_id("mem", row.holder_id), "balance": row.balance} for row in rows
        ]
    }


@ROUTER.get("/members/{member_id}/entries", name="entries.list", response_model=EntryPage,
            response_model_exclude_unset=True)  # fmt: skip
async def entries(
    request: Request,
    member_id: str,
    scope: _Read,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
) -> Any:
    """A member's ledger, the newest line first."""
    return await entries_of(request, scope, page_size, page_token, member_id=member_id)


async def entries_of(
    request: Request,
    scope: Scope,
    page_size: int,
    page_token: str | None,
    *,
    member_id: str,
    way: queries.Way | None = None,
) -> Any:
    """A page of a member's ledger, as it is told."""
    holder = known_id("mem", member_id, "member")
    cursor = after(page_token, int)
    async with reading(request, scope) as reader:
        rows = await queries.list_entries(
            reader, holder, cursor[0] if cursor else None, page_size + 1, way
        )
    items = [entry_of(row) for row in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["version"] if items else 0])


@ROUTER.get("/members/{member_id}/lots", name="lots.list", response_model=LotPage)
async def lots(
    request: Request,
    member_id: str,
    scope: _Read,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
) -> Any:
    """A member's lots that have something left."""
    holder = known_id("mem", member_id, "member")
    start = after_id(page_token, "lot")
    async with reading(request, scope) as reader:
        rows = await queries.list_lots(reader, holder, start, page_size + 1)
    items = [
        {
            "lot_id": text_id("lot", row.lot_id),
            "wallet": WALLETS[row.wallet],
            "order_id": text_id("ord", row.order_id) if row.order_id else None,
            "granted": row.granted,
            "drawn": row.drawn,
            "open": row.open,
            "earned_at": render(row.earned_at),
            "expires_at": render(row.expires_at) if row.expires_at else None,
        }
        for row in rows[:page_size]
    ]
    return page(rows, page_size, items, [items[-1]["lot_id"] if items else ""])


@ROUTER.get("/entries/{entry_id}", name="entries.get", response_model_exclude_unset=True)
async def entry(request: Request, entry_id: str, scope: _Read) -> dict[str, Any]:
    """One line of the ledger."""
    async with reading(request, scope) as reader:
        found, posted_at = await _find(reader, entry_id)
    return _told(found, posted_at)


@ROUTER.get(
    "/entries/{entry_id}/explanation",
    name="entries.explain",
    response_model=ExplanationAnswer,
)
async def explanation(request: Request, entry_id: str, scope: _Read, lang: Language = "zh") -> Any:
    """Why an entry has the points that it has; recomputed, not stored."""
    return await explained(request, scope, entry_id, lang)


async def explained(
    request: Request, scope: Scope, entry_id: str, lang: Language, holder: UUID | None = None
) -> Any:
    """An entry's explanation. Raises 404 for none, and for one that is not the holder's."""
    async with reading(request, scope) as reader:
        found, _ = await _find(reader, entry_id)
        if holder not in {None, found.holder_id}:
            raise _no_entry()
        purchase = await queries.find_purchase(reader, found.order_id) if found.order_id else None
        made = None
        if purchase is not None:
            made = explain(await _record(reader, found, purchase))
        lot = await _lot_of(reader, found)
    return {
        "entry_id": entry_id,
        "kind": EntryKind(found.kind).label,
        "amount": found.amount,
        "rule_version": found.rule_version,
        "cause": {
            "event_id": str(found.cause_event),
            "type": _CAUSES.get(SourceKind(found.source_kind), "day-closed"),
            "time": render(found.at),
        },
        "order": _order(purchase) if purchase else None,
        "calculation": _calculation(reader, found, made, lang),
        "lot": _lot(lot) if lot else None,
        "touched_later": _later(purchase, found) if purchase else [],
        "sentence": sentence(reader.program, found, purchase, made, lang),
    }


@ROUTER.get("/exceptions", name="exceptions.list", response_model=ExceptionPage)
async def exceptions(
    request: Request, scope: _Read, page_size: PageSize = USUAL, page_token: PageToken = None
) -> Any:
    """Refunds beyond their order, and refunds that name none."""
    start = after_id(page_token, "rfd")
    async with reading(request, scope) as reader:
        rows = await queries.list_exceptions(reader, start, page_size + 1)
    items = [_exception(row) for row in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["refund_id"] if items else ""])


@ROUTER.get("/totals", name="totals.get", response_model=Totals)
async def totals(request: Request, scope: _Read) -> Any:
    """Figures that the other services must agree with."""
    async with reading(request, scope) as reader:
        return await queries.count_totals(reader)


_CAUSES = {
    SourceKind.ORDER: "order-completed",
    SourceKind.CHECK_IN: "check-in",
    SourceKind.REFUND: "refund",
    SourceKind.CANCEL: "order-cancelled",
    SourceKind.TIER: "tier-changed",
    SourceKind.LINK: "customer-linked",
    SourceKind.SETTINGS: "settings-published",
}


async def _find(reader: Reader, entry_id: str) -> tuple[Entry, datetime]:
    parts = _parts(entry_id)
    found = await queries.find_entry(reader, *parts) if parts else None
    if found is None:
        raise _no_entry()
    return found


def _no_entry() -> HttpProblem:
    return HttpProblem(404, "not-found", "No such entry.")


def _parts(entry_id: str) -> tuple[UUID, int, int] | None:
    """Source id, source kind and kind that an entry id is made of."""
    prefix, _, body = entry_id.partition("_")
    if prefix != "ent" or len(body) != _ENTRY_LENGTH:
        return None
    try:
        raw = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
    except ValueError:
        return None
    return UUID(bytes=raw[:16]), raw[16], raw[17]


async def _record(reader: Reader, found: Entry, purchase: Purchase) -> Record:
    return Record(
        reader.program,
        found,
        purchase,
        await queries.list_refunds(reader, purchase.order_id),
        await queries.list_spans(reader, found.holder_id),
        await queries.find_versions(reader),
    )


async def _lot_of(reader: Reader, found: Entry) -> Lot | None:
    if found.order_id is not None:
        source, kind = text_id("ord", found.order_id), SourceKind.ORDER
    elif found.source_kind == SourceKind.CHECK_IN:
        source, kind = text_id("src", found.source_id), SourceKind.CHECK_IN
    else:
        return None
    return await queries.find_lot(reader, lot_id(reader.program.text_id, POINTS, kind, source))


def entry_of(row: Row[Any]) -> dict[str, Any]:
    """A line of the ledger as it is told."""
    columns = values(row)
    posted_at = columns.pop("posted_at")
    return _told(Entry(**columns), posted_at)


def _told(found: Entry, posted_at: datetime) -> dict[str, Any]:
    told = {
        "entry_id": found.text_id,
        "version": found.version,
        "wallet": WALLETS[found.wallet],
        "kind": EntryKind(found.kind).label,
        "account": book_account(found.kind, found.amount),
        "amount": found.amount,
        "balance": found.balance_after,
        "at": render(found.at),
        "posted_at": render(posted_at),
        "source_kind": SourceKind(found.source_kind).label,
        "source_id": source_text(found.source_kind, found.source_id),
    }
    if found.order_id is not None:
        told["order_id"] = text_id("ord", found.order_id)
    if found.rule_version is not None:
        told["rule_version"] = found.rule_version
    if found.reason is not None:
        told["reason"] = found.reason
    return told


def _order(purchase: Purchase) -> dict[str, Any]:
    assert purchase.completed_at is not None
    return {
        "order_id": text_id("ord", purchase.order_id),
        "order_no": purchase.order_no,
        "completed_at": render(purchase.completed_at),
        "total": {"amount_minor": purchase.body.total_minor, "currency": purchase.body.currency},
    }


def _lot(lot: Lot) -> dict[str, Any]:
    return {
        "lot_id": text_id("lot", lot.lot_id),
        "granted": lot.granted,
        "drawn": lot.drawn,
        "open": lot.open,
        "expires_at": render(lot.expires_at) if lot.expires_at else None,
    }


def _calculation(
    reader: Reader, found: Entry, made: Explanation | None, language: str
) -> dict[str, Any]:
    if made is None:
        return {
            "award_before": 0,
            "award_after": found.amount,
            "steps": [{"rule": SourceKind(found.source_kind).label, "points": found.amount}],
            "lines": [],
        }
    refund = {}
    if found.source_kind == SourceKind.REFUND:
        refund["refund_id"] = text_id("rfd", found.source_id)
    steps: list[dict[str, Any]] = []
    for step in made.steps:
        if found.kind != EntryKind.EARN and step.figures.get("trimmed") == 0:
            continue  # what changes an award names a cap only where it cut
        told = {"rule": step.rule} | step.figures
        if step.rule == "tier":
            told["why"] = why(reader.program, step.figures, language)
        steps.append(told)
    return {
        "award_before": made.award_before,
        "award_after": made.award_after,
        **refund,
        "steps": steps,
        "lines": [{"line_id": line.line_id, "points": line.points} for line in made.lines],
    }


def _later(purchase: Purchase, found: Entry) -> list[dict[str, Any]]:
    """What changed the order after the entry."""
    return [
        {"kind": change.kind, "at": render(change.at), "points": change.points}
        for change in later(purchase, found)
    ]


def _exception(row: Row[Any]) -> dict[str, Any]:
    unmatched = row.state == RefundState.UNMATCHED
    return {
        "refund_id": text_id("rfd", row.refund_id),
        "refund_no": decode_refund(row.body).refund_no,
        "order_id": text_id("ord", row.order_id) if row.order_id else None,
        "at": render(row.at),
        "reason": "order-unnamed" if unmatched else "over-refund",
        "excess_minor": row.clipped_minor,
    }
