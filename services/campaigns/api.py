"""Routes of campaigns, those of coupons among them."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Request, Response

from services.campaigns import queries
from services.campaigns.coupons import api as coupons
from services.campaigns.coupons import own
from services.campaigns.coupons.queries import list_campaign_templates, list_left
from services.campaigns.flow import FLOW
from services.campaigns.managing import carry_out
from services.campaigns.model import CreateCampaign, MoveCampaign, MoveName, SaveDraft
from services.campaigns.rules.telling import describe, outline
from services.campaigns.schemas import (
    CampaignAnswer,
    CampaignPage,
    CampaignRequest,
    Giving,
    StopRequest,
    Totals,
)
from services.campaigns.settings import NEW_MEMBER_GIFT, encode_body
from shared.audit.deeds import Deed
from shared.clock import Clock
from shared.days import Instant
from shared.errors import HttpProblem
from shared.http import idempotency
from shared.http.acting import actor
from shared.http.app import database_of, router
from shared.http.auth import Scope, scoped
from shared.http.idempotency import IdempotencyKey
from shared.http.matching import IfMatch
from shared.http.paging import USUAL, PageSize, PageToken, after_id, page
from shared.http.problems import documented
from shared.http.reading import known_id, reading
from shared.ids import text_id
from shared.outcome import Refused
from shared.random_ids import uuid7

ROUTER = router(prefix="/v1", tags=["campaigns"])
_Read = Annotated[Scope, Depends(scoped("campaigns.read"))]
_Write = Annotated[Scope, Depends(scoped("campaigns.write"))]
_GUARDED = documented(409, 412, 428)
MOST_COUPONS: Final = 3


@ROUTER.post(
    "/campaigns",
    name="campaigns.create",
    status_code=201,
    response_model=CampaignAnswer,
    responses=documented(409),
)
async def create_campaign(
    request: Request,
    body: CampaignRequest,
    scope: _Write,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make a draft."""
    identity = uuid7(_now(request))
    wanted = CreateCampaign(
        identity,
        encode_body(body.campaign),
        Instant.of(body.starts_at),
        Instant.of(body.ends_at),
    )
    about = text_id("cmp", identity)
    return await idempotency.run(request, scope, FLOW, wanted, about, idempotency_key)


@ROUTER.get("/campaigns", name="campaigns.list", response_model=CampaignPage)
async def list_campaigns(
    request: Request, scope: _Read, page_size: PageSize = USUAL, page_token: PageToken = None
) -> Any:
    """Campaigns in the order in which they were made."""
    start = after_id(page_token, "cmp")
    async with reading(request, scope) as reader:
        rows = await queries.list_campaigns(reader, start, page_size + 1)
    items = [outline(campaign, _now(request)) for campaign in rows[:page_size]]
    return page(rows, page_size, items, [items[-1]["campaign_id"] if items else ""])


@ROUTER.get("/campaigns/{campaign_id}", name="campaigns.get", response_model=CampaignAnswer)
async def get_campaign(request: Request, campaign_id: str, response: Response, scope: _Read) -> Any:
    """One campaign; its ETag guards every change."""
    identity = known_id("cmp", campaign_id, "campaign")
    return await _answer(request, response, scope, identity)


@ROUTER.put(
    "/campaigns/{campaign_id}",
    name="campaigns.save",
    response_model=CampaignAnswer,
    responses=_GUARDED,
)
async def save_campaign(
    request: Request,
    campaign_id: str,
    body: CampaignRequest,
    response: Response,
    scope: _Write,
    if_match: IfMatch = None,
) -> Any:
    """Save a draft. Once confirmed, its start and end are locked for good."""
    identity = known_id("cmp", campaign_id, "campaign")
    wanted = SaveDraft(
        identity,
        _revision(if_match),
        encode_body(body.campaign),
        Instant.of(body.starts_at),
        Instant.of(body.ends_at),
    )
    return await _change(request, response, scope, wanted)


@ROUTER.post(
    "/campaigns/{campaign_id}:stop",
    name="campaigns.stop",
    response_model=CampaignAnswer,
    responses=_GUARDED,
)
async def stop_campaign(
    request: Request,
    campaign_id: str,
    body: StopRequest,
    response: Response,
    scope: _Write,
    if_match: IfMatch = None,
) -> Any:
    """End a campaign early. Coupons that it gave stay good."""
    identity = known_id("cmp", campaign_id, "campaign")
    wanted = MoveCampaign(identity, _revision(if_match), "stop", body.reason)
    return await _change(request, response, scope, wanted)


@ROUTER.post(
    "/campaigns/{campaign_id}:{move}",
    name="campaigns.move",
    response_model=CampaignAnswer,
    responses=_GUARDED,
)
async def move_campaign(
    request: Request,
    campaign_id: str,
    move: Literal["confirm", "pause", "resume"],
    response: Response,
    scope: _Write,
    if_match: IfMatch = None,
) -> Any:
    """Confirm a draft, which makes its templates; pause it, at once; resume it."""
    identity = known_id("cmp", campaign_id, "campaign")
    name: MoveName = move
    fresh = tuple(uuid7(_now(request)) for _ in range(MOST_COUPONS if move == "confirm" else 0))
    wanted = MoveCampaign(identity, _revision(if_match), name, None, fresh)
    return await _change(request, response, scope, wanted)


@ROUTER.get("/new-member-gift", name="gifts.new-member", response_model=Giving)
async def new_member_gift(request: Request, scope: _Read) -> Any:
    """What whoever joins now gets; null without a campaign in force, or with nothing left of it."""
    async with reading(request, scope) as reader:
        found = await queries.find_running(reader, NEW_MEMBER_GIFT, _now(request))
        left = [] if found is None else await list_left(reader, found.campaign_id)
    if found is None or not left:
        return {"gift": None}
    coupons = [
        {
            "name": each.body.template,
            "face_minor": each.body.face_minor,
            "threshold_minor": each.body.threshold_minor,
        }
        for each in left
    ]
    return {"gift": {"campaign_id": text_id("cmp", found.campaign_id), "name": found.name,
                     "coupons": coupons}}  # fmt: skip


@ROUTER.get("/totals", name="totals.get", response_model=Totals)
async def totals(request: Request, scope: _Read) -> Any:
    """Figures that the other services must agree with."""
    async with reading(request, scope) as reader:
        return await queries.count_totals(reader)


ROUTER.include_router(coupons.ROUTER)
ROUTER.include_router(own.ROUTER)


async def _change(
    request: Request, response: Response, scope: Scope, wanted: SaveDraft | MoveCampaign
) -> dict[str, Any]:
    """Carry out a guarded command; the campaign after it, or a problem when a rule refused."""
    about = text_id("cmp", wanted.campaign_id)
    deed = Deed(request.scope["route"].name, about, scope.program, reason=_reason(wanted))
    by = actor(request, scope.caller)
    outcome = await carry_out(database_of(request), scope.program, by, wanted, deed)
    if isinstance(outcome, Refused):
        raise HttpProblem(outcome.status, outcome.code, outcome.detail)
    return await _answer(request, response, scope, wanted.campaign_id)


def _reason(wanted: SaveDraft | MoveCampaign) -> str | None:
    return wanted.reason if isinstance(wanted, MoveCampaign) else None


async def _answer(
    request: Request, response: Response, scope: Scope, campaign_id: UUID
) -> dict[str, Any]:
    async with reading(request, scope) as reader:
        found = await queries.find_campaign(reader, campaign_id)
        if found is None:
            raise HttpProblem(404, "not-found", "No such campaign.")
        templates = await list_campaign_templates(reader, campaign_id)
        moves = await queries.list_moves(reader, campaign_id)
    campaign, body = found
    response.headers["ETag"] = f'"{campaign.revision}"'
    return describe(campaign, body, templates, moves, _now(request))


def _revision(if_match: str | None) -> int | None:
    """The revision that a caller has seen; None for any. Raises 428 without one."""
    if if_match is None:
        raise HttpProblem(428, "if-match-required", "This needs the header If-Match.")
    if if_match == "*":
        return None
    bare = if_match.strip('"')
    return int(bare) if bare.isascii() and bare.isdecimal() else 0


def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock()
