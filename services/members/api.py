"""Routes of members, and what the app holds open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, FastAPI, Request, Response
from sqlalchemy import Row

from services.members import listing, queries
from services.members.flow import FLOW
from services.members.listing import Listing
from services.members.model import JoinOpen, LinkCustomer, SetHomeBranch, UnlinkCustomer
from services.members.personal import showing
from services.members.profile.vault import Vault
from services.members.repeating import before_serving
from services.members.schemas import (
    Application,
    ApplicationAnswer,
    CounterCards,
    CustomerAnswer,
    FoundMembers,
    HomeBranchAnswer,
    HomeBranchRequest,
    LinkAnswer,
    LinkRequest,
    MemberAnswer,
    MemberPage,
    TierNames,
    Totals,
    UnlinkRequest,
    Wanted,
)
from services.members.tiers.settings import Ladder, Tier, five_tiers, four_tiers
from shared import wrapping
from shared.clock import system
from shared.commands import Needs
from shared.config import Config
from shared.days import render
from shared.errors import HttpProblem
from shared.http import idempotency
from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.idempotency import IdempotencyKey
from shared.http.paging import USUAL, PageSize, PageToken, page
from shared.http.problems import documented
from shared.http.reading import Reader, known_id, reading
from shared.ids import parse_id, text_id

ROUTER = router(prefix="/v1", tags=["members"])
_Read = Annotated[Scope, Depends(scoped("members.read"))]
_Counter = Annotated[Scope, Depends(scoped("counter.lookup", by_store=True))]
_Branch = Annotated[Scope, Depends(scoped("members.read", by_store=True))]
_Anybody = Annotated[Scope, Depends(scoped("programs.read", by_store=True))]
_Write = Annotated[Scope, Depends(scoped("members.write"))]
_COMMAND = documented(409)
MOST_FOUND: Final = 20
"""Members that are told of one phone or e-mail."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The keys that profiles are opened with, and no others. Without them there is no start.

    Nor is anybody served who was forgotten and came back with a backup.
    """
    config: Config = app.state.config
    wrapping.check(config.keys_dir)
    app.state.vault = Vault(config.keys_dir)
    await before_serving(app.state.database, config.data_dir, system)
    yield


@ROUTER.get("/members", name="members.list", response_model=MemberPage,
            response_model_exclude_unset=True)  # fmt: skip
async def list_members(
    request: Request,
    scope: _Branch,
    wanted: Annotated[Listing, Depends(listing.wanted)],
    page_size: PageSize = USUAL,
    page_token: PageToken = None,
) -> Any:
    """Members; of a branch those it looks after, who joined, bought or are known there."""
    order = listing.order_of(scope.caller, wanted.sort)
    async with reading(request, scope) as reader:
        rows = await listing.list_members(
            reader, wanted, order, page_token, page_size + 1, scope.store_uuids
        )
        listed = [row.member_id for row in rows[:page_size]]
        profiles = await showing.of_members(request, reader, listed)
    items = [
        {
            "member_id": text_id("mem", row.member_id),
            "status": row.status,
            "route": row.route,
            "joined_store": text_id("sto", row.joined_store),
            "home_store": text_id("sto", row.home_store) if row.home_store else None,
            "effective_from": render(row.effective_from),
            "profile": showing.seen(scope, profiles.get(row.member_id, {})),
        }
        for row in rows[:page_size]
    ]
    last = listing.place_of(rows[len(items) - 1], order) if items else []
    return page(rows, page_size, items, last)


@ROUTER.post("/members:find", name="members.find", response_model=FoundMembers)
async def find_members(request: Request, body: Wanted, scope: _Branch) -> Any:
    """Members who are known by a phone or an e-mail, given as the gateway's keyed hash."""
    async with reading(request, scope) as reader:
        hashes = await queries.known_as(reader, [body.hash, *body.older])
        rows = await queries.list_identified(
            reader, body.kind, hashes, scope.store_uuids, MOST_FOUND
        )
    return {
        "items": [
            {"member_id": text_id("mem", row.member_id), "status": row.status} for row in rows
        ]
    }


@ROUTER.post("/counter/lookups", name="members.at-counter", response_model=CounterCards)
async def look_up(request: Request, body: Wanted, scope: _Counter) -> Any:
    """Members of any branch by a phone or an e-mail: cards are valid in every outlet (row 130)."""
    async with reading(request, scope) as reader:
        hashes = await queries.known_as(reader, [body.hash, *body.older])
        rows = await queries.list_identified(reader, body.kind, hashes, None, MOST_FOUND)
        found = [row.member_id for row in rows]
        profiles = await showing.of_members(request, reader, found)
        tiers = await queries.list_tiers(reader, found)
    return {
        "items": [
            {
                "member_id": text_id("mem", row.member_id),
                "status": row.status,
                "name": showing.seen(scope, profiles.get(row.member_id, {})).get("name"),
                "tiers": tiers.get(row.member_id, {}),
            }
            for row in rows
        ]
    }


@ROUTER.get("/members/{member_id}", name="members.get", response_model=MemberAnswer,
            response_model_exclude_unset=True)  # fmt: skip
async def get_member(request: Request, member_id: str, scope: _Branch) -> Any:
    """A member with linked customers and tiers; what is personal is masked."""
    identity = known_id("mem", member_id, "member")
    async with reading(request, scope) as reader:
        found = await member_document(reader, identity, scope.store_uuids)
        profiles = await showing.of_members(request, reader, [identity])
    return found | {"profile": showing.seen(scope, profiles.get(identity, {}))}


@ROUTER.get("/customers/{customer_id}", name="customers.get", response_model=CustomerAnswer,
            response_model_exclude_unset=True)  # fmt: skip
async def get_customer(request: Request, customer_id: str, scope: _Branch) -> Any:
    """A customer, and the member that they are if they are one."""
    identity = known_id("cus", customer_id, "customer")
    async with reading(request, scope) as reader:
        row = await queries.find_customer(reader, identity, scope.store_uuids)
        if row is None or row.first_seen is None:
            raise HttpProblem(404, "not-found", "No such customer.")
        links = await queries.list_links(reader, customer_id=identity)
        member = await member_document(reader, links[0].member_id) if links else None
        if member is not None:
            profiles = await showing.of_members(request, reader, [links[0].member_id])
            known = profiles.get(links[0].member_id, {})
            member["profile"] = showing.seen(scope, known)
        profile = await showing.of_customer(request, reader, identity)
    return {
        "customer_id": customer_id,
        "store_id": text_id("sto", row.store_id) if row.store_id else None,
        "first_seen": render(row.first_seen),
        "last_seen": render(row.last_seen),
        "profile": showing.seen(scope, profile),
        "member": member,
    }


@ROUTER.post(
    "/applications",
    name="applications.create",
    status_code=201,
    response_model=ApplicationAnswer,
    responses=_COMMAND,
)
async def apply(
    request: Request, body: Application, scope: _Write, idempotency_key: IdempotencyKey = None
) -> Response:
    """A customer joins by the open route; program and store must be open."""
    wanted = JoinOpen(parse_id("cus", body.customer_id), parse_id("sto", body.store_id))
    needs = Needs(open=True, store=body.store_id)
    return await idempotency.run(
        request, scope, FLOW, wanted, body.customer_id, idempotency_key, needs=needs
    )


@ROUTER.put(
    "/customers/{customer_id}/link",
    name="customers.link",
    response_model=LinkAnswer,
    responses=_COMMAND,
)
async def link(
    request: Request,
    customer_id: str,
    body: LinkRequest,
    scope: _Write,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say whose a customer is. Backdating needs a permission of its own."""
    dated = (body.qualifies_from, body.earns_from) != (None, None)
    if dated and not scope.caller.may("members.backdate"):
        raise HttpProblem(403, "forbidden", "This needs the permission members.backdate.")
    wanted = LinkCustomer(
        known_id("cus", customer_id, "customer"),
        parse_id("mem", body.member_id),
        body.reason,
        body.qualifies_from,
        body.earns_from,
    )
    return await idempotency.run(
        request, scope, FLOW, wanted, customer_id, idempotency_key, status=200
    )


@ROUTER.delete(
    "/customers/{customer_id}/link",
    name="customers.unlink",
    response_model=LinkAnswer,
    responses=_COMMAND,
)
async def unlink(
    request: Request,
    customer_id: str,
    body: UnlinkRequest,
    scope: _Write,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """End a customer's link; what was theirs stays."""
    wanted = UnlinkCustomer(known_id("cus", customer_id, "customer"), body.reason)
    return await idempotency.run(
        request, scope, FLOW, wanted, customer_id, idempotency_key, status=200
    )


@ROUTER.put(
    "/members/{member_id}/home-branch",
    name="members.home-branch",
    response_model=HomeBranchAnswer,
    responses=_COMMAND,
)
async def set_home_branch(
    request: Request,
    member_id: str,
    body: HomeBranchRequest,
    scope: _Write,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say which open branch looks after a member; it sees them from then on. Head office alone."""
    store = None if body.store_id is None else parse_id("sto", body.store_id)
    wanted = SetHomeBranch(known_id("mem", member_id, "member"), store, body.reason)
    return await idempotency.run(
        request, scope, FLOW, wanted, member_id, idempotency_key,
        needs=Needs(store=body.store_id), status=200,
    )  # fmt: skip


@ROUTER.get("/ladder-templates", name="ladders.templates", response_model=dict[str, Ladder])
async def templates(_scope: _Read) -> dict[str, Ladder]:
    """Ladders to start from: the body of a settings document `ladder/main`."""
    return {"four-tiers": four_tiers(), "five-tiers": five_tiers()}


@ROUTER.get("/tiers", name="tiers.list", response_model=TierNames)
async def list_tiers(request: Request, scope: _Anybody) -> Any:
    """The tiers of the primary ladder by rank, as everybody calls them; without a ladder none."""
    async with reading(request, scope) as reader:
        ladder = await queries.find_primary(reader)
    tiers = ladder.tiers if ladder else ()
    return {"items": [{"code": each.code, "on": each.on, "name": each.name} for each in tiers]}


@ROUTER.get("/totals", name="totals.get", response_model=Totals)
async def totals(request: Request, scope: _Read) -> Any:
    """Figures that the other services must agree with."""
    async with reading(request, scope) as reader:
        return await queries.count_totals(reader)


async def member_document(
    reader: Reader, identity: UUID, stores: queries.Stores = None
) -> dict[str, Any]:
    """A member as it is told. Raises 404 for nobody, and for whom the stores do not see."""
    row = await queries.find_member(reader, identity, stores)
    if row is None:
        raise HttpProblem(404, "not-found", "No such member.")
    links = await queries.list_links(reader, member_id=identity)
    segments = await queries.list_segments(reader, identity)
    tiers = []
    for standing in await queries.list_standings(reader, identity):
        body = await queries.find_ladder(reader, standing.ladder, standing.pinned)
        ladder = Ladder.model_validate(body)
        mine = [each for each in segments if each.ladder == standing.ladder]
        tiers.append(_tiers(standing, ladder, mine))
    return {
        "member_id": text_id("mem", row.member_id),
        "status": row.status,
        "route": row.route,
        "joined_store": text_id("sto", row.joined_store),
        "home_store": text_id("sto", row.home_store) if row.home_store else None,
        "effective_from": render(row.effective_from),
        "terms": {"state": row.terms},
        "customers": [
            {
                "customer_id": text_id("cus", each.customer_id),
                "store_id": text_id("sto", each.store_id) if each.store_id else None,
                "method": each.method,
                "qualifies_from": render(each.qualifies_from),
                "earns_from": render(each.earns_from),
                "revision": each.revision,
            }
            for each in links
        ],
        "tiers": tiers,
    }


def _tiers(standing: Row[Any], ladder: Ladder, segments: list[Row[Any]]) -> dict[str, Any]:
    last = segments[-1]
    following = next((tier for tier in ladder.tiers if tier.on and tier.rank > last.rank), None)
    return {
        "ladder": standing.ladder,
        "primary": ladder.primary,
        "revision": standing.revision,
        "current": {
            "tier": last.tier,
            "rank": last.rank,
            "since": render(last.from_at),
            "pay_bp": last.pay_bp,
        },
        "metric": {"amount_minor": standing.amount, "orders": standing.orders},
        "rungs": [_rung(tier) for tier in ladder.tiers if tier.on or tier.code == last.tier],
        "next_tier": following.code if following else None,
        "missing_for_next": _missing(standing, following) if following else None,
        "segments": [_segment(each) for each in segments],
    }


def _rung(tier: Tier) -> dict[str, Any]:
    return {
        "tier": tier.code,
        "rank": tier.rank,
        "name": tier.name,
        "pay_bp": tier.pay_bp,
        "match": tier.enter.match,
    }


def _missing(standing: Row[Any], tier: Tier) -> dict[str, int]:
    enter = tier.enter
    missing = {}
    if enter.amount_minor is not None:
        missing["amount_minor"] = max(0, enter.amount_minor - standing.amount)
    if enter.orders is not None:
        missing["orders"] = max(0, enter.orders - standing.orders)
    return missing


def _segment(row: Row[Any]) -> dict[str, Any]:
    cause = {"kind": row.cause_kind}
    if row.cause_id is not None:
        cause["id"] = row.cause_id
    return {
        "from": render(row.from_at),
        "tier": row.tier,
        "rank": row.rank,
        "pay_bp": row.pay_bp,
        "phase": row.phase,
        "cause": cause,
        "version": row.version,
    }
