"""Route of RFM."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from sqlalchemy import Row

from services.analytics.access import FIRST_DAY, LAST_DAY, known_subject, seen_stores
from services.analytics.rfm import queries
from services.analytics.rfm.rules.segmenting import MINIMUM, segment, tally
from services.analytics.rfm.schemas import RfmPage
from shared.days import start_of
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.paging import USUAL, PageSize, PageToken, after, page
from shared.http.reading import Reader, reading
from shared.ids import text_id

ROUTER = router()
_Read = Annotated[Scope, Depends(scoped("analytics.read", by_store=True))]
On = Annotated[
    date,
    Query(ge=FIRST_DAY, le=LAST_DAY, description="Scored as of 00:00 of this local date"),
]


@ROUTER.get("/rfm", name="rfm.get", response_model=RfmPage, response_model_exclude_unset=True)
async def rfm(
    request: Request,
    on: On,
    scope: _Read,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
) -> Any:
    """Recency, frequency and money of all subjects, by quintiles, and the segments they make."""
    cursor = after(page_token, str)
    start = known_subject(cursor[0], "page") if cursor else None
    async with reading(request, scope) as reader:
        at = start_of(on, reader.program.zone)
        stores = await seen_stores(reader, scope, None)
        scored = await queries.score(reader, at, stores, start, page_size + 1)
    enough = scored.subjects >= MINIMUM
    items = [_item(reader, row, enough=enough) for row in scored.rows[:page_size]]
    listed = page(scored.rows, page_size, items, [items[-1]["subject_id"] if items else ""])
    if listed["next_page_token"] is None:
        del listed["next_page_token"]
    counts = tally(scored.counts).items() if enough else ()
    return {
        "on": on,
        "method": "quintile",
        "net_of_refunds": True,
        "state": "scored" if enough else "too-few-subjects",
        "subjects": scored.subjects,
        "minimum": MINIMUM,
        "segments": [{"segment": name, "subjects": count} for name, count in counts],
        **listed,
    }


def _item(reader: Reader, row: Row[Any], *, enough: bool) -> dict[str, Any]:
    item = {
        "subject_id": text_id("cus" if row.customer else "mem", row.subject_id),
        "recency_days": row.recency,
        "orders": row.orders,
        "net": {"amount_minor": row.net, "currency": reader.program.currency},
    }
    if enough:
        item |= {"r": row.r, "f": row.f, "m": row.m, "segment": segment(row.r, row.f)}
    return item
