"""Routes of coupons."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response

from services.campaigns.coupons import queries
from services.campaigns.coupons.model import IssueCoupon, RevokeCoupon, Template
from services.campaigns.coupons.rules.telling import describe, retell
from services.campaigns.coupons.schemas import (
    CouponAnswer,
    CouponLine,
    CouponPage,
    IssueRequest,
    RevokeRequest,
    TemplateAnswer,
    TemplatePage,
)
from shared.errors import HttpProblem
from shared.flow import Flow
from shared.http import idempotency
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.idempotency import IdempotencyKey
from shared.http.paging import USUAL, PageSize, PageToken, after_id, page
from shared.http.problems import documented
from shared.http.reading import known_id, reading
from shared.ids import parse_id, text_id
from shared.service import Service

ROUTER = router(tags=["coupons"])
_Read = Annotated[Scope, Depends(scoped("campaigns.read"))]
_Write = Annotated[Scope, Depends(scoped("campaigns.write"))]
_COMMAND = documented(409)


@ROUTER.get("/coupon-templates", name="templates.list", response_model=TemplatePage)
async def list_templates(
    request: Request, scope: _Read, page_size: PageSize = USUAL, page_token: PageToken = None
) -> Any:
    """Coupon templates by id."""
    start = after_id(page_token, "cpt")
    async with reading(request, scope) as reader:
        rows = await queries.list_templates(reader, start, page_size + 1)
    items = [_template(*row) for row in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["template_id"] if items else ""])


@ROUTER.get("/coupon-templates/{template_id}", name="templates.get", response_model=TemplateAnswer)
async def get_template(request: Request, template_id: str, scope: _Read) -> Any:
    """One template, and what is left of its stock."""
    identity = known_id("cpt", template_id, "template")
    async with reading(request, scope) as reader:
        found = await queries.find_template(reader, identity)
    if found is None:
        raise HttpProblem(404, "not-found", "No such template.")
    return _template(*found)


@ROUTER.get("/members/{member_id}/coupons", name="coupons.list", response_model=CouponPage)
async def list_coupons(
    request: Request,
    member_id: str,
    scope: _Read,
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
) -> Any:
    """A member's coupons in all states, by id."""
    return await coupons_of(request, scope, member_id, page_size, page_token)


async def coupons_of(
    request: Request, scope: Scope, member_id: str, page_size: int, page_token: str | None
) -> Any:
    """A page of a member's coupons, as they are told."""
    holder = known_id("mem", member_id, "member")
    start = after_id(page_token, "cpn")
    async with reading(request, scope) as reader:
        rows = await queries.list_coupons(reader, holder, start, page_size + 1)
    currency = reader.program.currency
    items = [describe(coupon, template, currency) for coupon, template in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["coupon_id"] if items else ""])


@ROUTER.get("/coupons/{coupon_id}", name="coupons.get", response_model=CouponAnswer)
async def get_coupon(request: Request, coupon_id: str, scope: _Read) -> Any:
    """One coupon with its history."""
    identity = known_id("cpn", coupon_id, "coupon")
    async with reading(request, scope) as reader:
        found = await queries.find_coupon(reader, identity)
        if found is None:
            raise HttpProblem(404, "not-found", "No such coupon.")
        lines = await queries.list_history(reader, identity)
    told = describe(*found, reader.program.currency)
    return told | {"history": [retell(line) for line in lines]}


@ROUTER.post(
    "/coupons:issue",
    name="coupons.issue",
    status_code=201,
    response_model=CouponLine,
    responses=_COMMAND,
)
async def issue_coupon(
    request: Request, body: IssueRequest, scope: _Write, idempotency_key: IdempotencyKey = None
) -> Response:
    """Give a member a coupon of a running campaign, within its stock and limits."""
    wanted = IssueCoupon(parse_id("cpt", body.template_id), parse_id("mem", body.member_id))
    return await idempotency.run(
        request, scope, _flow(request), wanted, body.member_id, idempotency_key
    )


@ROUTER.post(
    "/coupons/{coupon_id}:revoke",
    name="coupons.revoke",
    response_model=CouponLine,
    responses=_COMMAND,
)
async def revoke_coupon(
    request: Request,
    coupon_id: str,
    body: RevokeRequest,
    scope: _Write,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Take an unused coupon back."""
    wanted = RevokeCoupon(known_id("cpn", coupon_id, "coupon"), body.reason)
    return await idempotency.run(
        request, scope, _flow(request), wanted, coupon_id, idempotency_key, status=200
    )


def _flow(request: Request) -> Flow:
    """The flow of the service that these routes belong to."""
    service: Service = request.app.state.service
    assert service.flow is not None
    return service.flow


def _template(template: Template, stock_left: int | None) -> dict[str, Any]:
    return {
        "template_id": text_id("cpt", template.template_id),
        "campaign_id": text_id("cmp", template.campaign_id),
        "place": template.place,
        "coupon": template.body,
        "stock_left": stock_left,
    }
