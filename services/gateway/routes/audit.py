"""The audit of the whole installation."""

from typing import Any

from fastapi import Request
from pydantic import Field

from services.gateway.merging import ALL, START, Auditing
from services.gateway.routes.asked import API
from shared.http.app import router
from shared.http.audit import AuditPage, Filtered, Reading
from shared.http.paging import USUAL, PageSize, PageToken, after, page

ROUTER = router()


class MergedPage(AuditPage):
    """Deeds of all services, the newest first."""

    away: list[str] = Field(description="Services that did not answer: theirs are missing here")


@ROUTER.get(f"{API}/audit", name="audit.list", tags=["audit"], response_model=MergedPage)
async def list_audit(
    request: Request,
    reach: Reading,
    wanted: Filtered,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
) -> Any:
    """Who did what in any service, the newest first. A service that is away is named."""
    places = after(page_token, *(str for _ in ALL)) or (START,) * len(ALL)
    auditing: Auditing = request.app.state.auditing
    merged = await auditing.page(reach.caller, wanted, places, page_size)
    more = [None] * (page_size + merged.more)
    return page(more, page_size, merged.items, merged.places) | {"away": merged.away}
