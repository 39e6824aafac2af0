"""Routes of what is a member's own. Whose it is the token says: nobody names another."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse

from services.points import queries
from services.points.api import Language, balance_of, entries_of, explained
from services.points.schemas import Balance, CheckInMonth, EntryPage, ExplanationAnswer
from shared.clock import Clock
from shared.days import local_day, month_end
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.paging import USUAL, PageSize, PageToken
from shared.http.reading import known_id, reading

ROUTER = router(prefix="/v1/me", tags=["own"])
_Read = Annotated[Scope, Depends(scoped("self.read"))]
Month = Annotated[
    str | None,
    Query(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", description="Default: the program's month"),
]


Direction = Annotated[
    queries.Way | None, Query(description="Lines that bring points, or that take them")
]


@ROUTER.get("/balance", name="me.balance", response_model=Balance)
async def balance(request: Request, scope: _Read) -> JSONResponse:
    """The member's own wallets; empty ones before the first points."""
    return await balance_of(request, scope, scope.caller.subject, known=True)


@ROUTER.get("/entries", name="me.entries", response_model=EntryPage,
            response_model_exclude_unset=True)  # fmt: skip
async def entries(
    request: Request,
    scope: _Read,
    way: Direction = None,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
) -> Any:
    """The member's own ledger, the newest line first."""
    member = scope.caller.subject
    return await entries_of(request, scope, page_size, page_token, member_id=member, way=way)


@ROUTER.get("/entries/{entry_id}/explanation", name="me.explain",
            response_model=ExplanationAnswer)  # fmt: skip
async def explanation(request: Request, entry_id: str, scope: _Read, lang: Language = "zh") -> Any:
    """Why an entry of the member's own has the points that it has."""
    holder = known_id("mem", scope.caller.subject, "member")
    return await explained(request, scope, entry_id, lang, holder)


@ROUTER.get("/check-ins", name="me.check-ins", response_model=CheckInMonth)
async def check_ins(request: Request, scope: _Read, month: Month = None) -> Any:
    """The days of a month on which the member checked in, and what each gave."""
    holder = known_id("mem", scope.caller.subject, "member")
    clock: Clock = request.app.state.clock
    async with reading(request, scope) as reader:
        today = local_day(clock(), reader.program.zone)
        first = today.replace(day=1) if month is None else date.fromisoformat(f"{month}-01")
        rows = await queries.list_check_ins(reader, holder, first, month_end(first))
    return {
        "month": first.isoformat()[:7],
        "today": today.isoformat(),
        "days": [{"day": row.local_day.isoformat(), "points": int(row.points)} for row in rows],
    }
