"""Routes of what is a member's own. Whose it is the token says: nobody names another."""

from typing import Annotated, Any

from fastapi import Depends, Request

from services.campaigns.coupons.api import coupons_of
from services.campaigns.coupons.schemas import CouponPage
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.paging import USUAL, PageSize, PageToken

ROUTER = router(prefix="/me", tags=["own"])
_Read = Annotated[Scope, Depends(scoped("self.read"))]


@ROUTER.get("/coupons", name="me.coupons", response_model=CouponPage)
async def coupons(
    request: Request, scope: _Read, page_size: PageSize = USUAL, page_token: PageToken = None
) -> Any:
    """The member's own coupons in all states, by id."""
    return await coupons_of(request, scope, scope.caller.subject, page_size, page_token)
