"""Write SQL of campaigns: what a batch reads under locks, what it writes. One statement a function.

First the campaigns of the programs are kept from changing while the batch is decided (a shared
advisory lock; who changes one takes it alone). Lock waves, each sorted by key: customers, members,
coupons. Orders and refunds are read after their customers are locked.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.campaigns import tables
from services.campaigns.coupons import store as coupons
from services.campaigns.coupons.model import (
    Channel,
    Holder,
    HolderKind,
    IssueCoupon,
    Key,
    RevokeCoupon,
    Template,
    coupon_id,
    named_by,
)
from services.campaigns.coupons.store import Wanted
from services.campaigns.model import (
    Campaign,
    CampaignMove,
    CampaignsState,
    CampaignState,
    CampaignVersion,
    CreateCampaign,
    CustomerView,
    MemberView,
    MoveCampaign,
    OrderFact,
    Promise,
    RefundFact,
    SaveDraft,
    SeedCampaign,
    Span,
    decode_order,
    decode_refund,
    encode,
)
from services.campaigns.settings import NEW_MEMBER_GIFT, decode_body
from shared.db import bulk
from shared.db.bulk import columns, lock_all
from shared.db.locks import lock_key
from shared.db.sweep_rows import watermarks
from shared.db.transaction import Tx
from shared.errors import Shortage
from shared.events.envelope import Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_erased import MemberErased
from shared.events.members.member_joined import MemberJoined
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from shared.flow import Command, Due, Input
from shared.ids import uuid_of
from shared.links import decode_links
from shared.programs import Program

LAPSE: Final = "coupon-lapse"
DISCARD: Final = "draft-discard"
STATEMENTS: Final = 36
"""Of `load_batch` and `save_batch`, at most, whatever the batch's size."""

"""From an instant to another, both included."""


class Needs(Struct):
    """What the inputs of a batch are about, by program and id."""

    programs: dict[int, Program]
    steered: bool
    """A campaign is about to change."""
    campaigns: set[Key]
    templates: set[Key]
    customers: set[Key]
    members: set[Key]
    """Told by events: made if they are missing."""
    asked_members: set[Key]
    """Named by commands: read if they are there."""
    orders: set[Key]
    named: set[Key]
    """Coupons that events name."""
    wanted: Wanted
    spans: dict[int, Span]
    """By program, the instants at which a campaign may have run."""
    lapsing: dict[int, datetime]

    def include(self, program_id: int, *instants: datetime) -> None:
        """Campaigns that ran at these instants are needed."""
        known = self.spans.get(program_id, (instants[0], instants[0]))
        self.spans[program_id] = (min(known[0], *instants), max(known[1], *instants))


async def load_batch(
    tx: Tx, inputs: Sequence[Input], programs: Mapping[str, Program]
) -> CampaignsState:
    """Everything that the inputs may touch, locked in waves, in a fixed number of statements.

    Raises Shortage when a coupon changed hands while its holder was being locked.
    """
    needs = needs_of(inputs, programs)
    await guard_campaigns(tx, needs)
    campaigns = await _LOCK_CAMPAIGN.run(tx, needs.campaigns)
    await _reach_back(tx, needs, inputs, campaigns)
    found = await coupons.find_holders(tx, needs.wanted)
    customers = await lock_all(
        tx, _LOCK_CUSTOMER, _PLACE_CUSTOMER, needs.customers | _of(found, HolderKind.CUSTOMER)
    )
    linked = {(c.program_id, link.member_id) for c in customers for link in c.links}
    made = needs.members | linked | _of(found, HolderKind.MEMBER)
    members = await lock_members(tx, made, needs.asked_members)
    orders = await load_orders(tx, needs.orders)
    horizons = await watermarks(tx, LAPSE)
    for program_id, boundary in needs.lapsing.items():
        horizons[program_id] = max(boundary, horizons.get(program_id, boundary))
    state = CampaignsState(programs, horizons)
    state.campaigns.read(campaigns)
    state.versions.read(await load_versions(tx, campaigns))
    state.customers.read(customers)
    state.members.read(members)
    state.orders.read(orders)
    state.refunds.read(await load_refunds(tx, needs.orders))
    state.promises = await load_promises(tx, _spans(needs, orders, members))
    await _load_coupons(tx, needs, state)
    return state


async def save_batch(tx: Tx, state: CampaignsState) -> None:
    """Write what changed, one statement per table; counters last."""
    await _CAMPAIGNS.run(tx, state.campaigns.changed)
    await _VERSIONS.run(tx, state.changed(CampaignVersion))
    await _MOVES.run(tx, state.changed(CampaignMove))
    await _CUSTOMERS.run(tx, state.customers.changed)
    await _MEMBERS.run(tx, state.members.changed)
    await _ORDERS.run(tx, state.orders)
    await _REFUNDS.run(tx, state.changed(RefundFact))
    await coupons.save_coupons(tx, state)
    await coupons.save_limits(tx, state)


def needs_of(inputs: Sequence[Input], programs: Mapping[str, Program]) -> Needs:
    """What to load for a batch."""
    wanted = Wanted(set(), set(), set(), set())
    needs = Needs(
        programs={},
        steered=False,
        campaigns=set(),
        templates=set(),
        customers=set(),
        members=set(),
        asked_members=set(),
        orders=set(),
        named=set(),
        wanted=wanted,
        spans={},
        lapsing={},
    )
    for item in inputs:
        program = programs[item.program]
        needs.programs[program.id] = program
        match item:
            case Event():
                _event_needs(needs, program.id, item)
            case Command():
                _command_needs(needs, program.id, item)
            case Due():
                _due_needs(needs, program.id, item)
    return needs


def _event_needs(needs: Needs, program_id: int, event: Event) -> None:
    match event.data:
        case OrderPaid() | OrderCompleted() as data:
            named = {(program_id, coupon) for coupon in named_by(data.coupon_codes)}
            needs.named |= named
            needs.wanted.coupons |= named
            _order_needs(needs, program_id, data.order_id, data.customer_id)
            if isinstance(data, OrderCompleted):
                needs.include(program_id, event.time)
        case OrderCancelled() | Refund() as data if data.order_id is not None:
            _order_needs(needs, program_id, data.order_id, data.customer_id)
        case MemberJoined() as data:
            key = (program_id, uuid_of(data.member_id))
            needs.members.add(key)
            needs.wanted.sources.add(key)
            needs.include(program_id, data.effective_from)
        case MemberErased() as data:
            needs.members.add((program_id, uuid_of(data.member_id)))
        case CustomerLinked() as data:
            customer = (program_id, uuid_of(data.customer_id))
            needs.customers.add(customer)
            needs.members.add((program_id, uuid_of(data.member_id)))
            needs.wanted.customers.add(customer)


def _order_needs(needs: Needs, program_id: int, order_id: str, customer_id: str | None) -> None:
    key = (program_id, uuid_of(order_id))
    needs.orders.add(key)
    needs.wanted.sources.add(key)
    needs.wanted.orders.add(key)
    if customer_id is not None:
        needs.customers.add((program_id, uuid_of(customer_id)))


def _command_needs(needs: Needs, program_id: int, command: Command) -> None:
    match command.data:
        case SaveDraft() as data:
            needs.campaigns.add((program_id, data.campaign_id))
        case MoveCampaign() | SeedCampaign() as data:
            needs.steered = True
            needs.campaigns.add((program_id, data.campaign_id))
        case IssueCoupon() as data:
            needs.templates.add((program_id, data.template_id))
            needs.asked_members.add((program_id, data.member_id))
            needs.include(program_id, command.time)
        case RevokeCoupon() as data:
            needs.wanted.coupons.add((program_id, data.coupon_id))
        case _:
            assert isinstance(command.data, CreateCampaign), command.data


def _due_needs(needs: Needs, program_id: int, due: Due) -> None:
    if due.kind == LAPSE:
        needs.wanted.coupons.add((program_id, due.key))
        needs.lapsing[program_id] = due.time
    else:
        needs.campaigns.add((program_id, due.key))


async def _reach_back(
    tx: Tx, needs: Needs, inputs: Sequence[Input], campaigns: Sequence[Campaign]
) -> None:
    """What is known already of the time for which a campaign is about to change."""
    known = {campaign.key: campaign for campaign in campaigns}
    numbers = {program.text_id: number for number, program in needs.programs.items()}
    for item in inputs:
        if not isinstance(item, Command):
            continue
        data, program_id = item.data, numbers[item.program]
        if isinstance(data, SeedCampaign):
            span = (data.starts_at, data.ends_at)
            needs.include(program_id, *span)
            await _reach(tx, needs, program_id, span)
        elif isinstance(data, MoveCampaign) and (program_id, data.campaign_id) in known:
            campaign = known[program_id, data.campaign_id]
            needs.include(program_id, campaign.starts_at, campaign.ends_at)
            await _reach(tx, needs, program_id, campaign.rest(item.time))


async def _reach(tx: Tx, needs: Needs, program_id: int, span: Span) -> None:
    orders = await find_orders(tx, program_id, span)
    members = await find_members(tx, program_id, span)
    needs.orders |= orders.keys()
    needs.customers |= {customer for customer in orders.values() if customer is not None}
    needs.members |= members
    needs.wanted.orders |= orders.keys()
    needs.wanted.sources |= orders.keys() | members


def _of(found: Iterable[tuple[int, Holder]], kind: HolderKind) -> set[Key]:
    return {(program_id, holder.id) for program_id, holder in found if holder.kind == kind}


def _spans(
    needs: Needs, orders: Iterable[OrderFact], members: Iterable[MemberView]
) -> dict[int, Span]:
    """Instants of what is told and of what is stored, by program."""
    for order in orders:
        if order.completed_at is not None:
            needs.include(order.program_id, order.completed_at)
    for member in members:
        if member.effective_from is not None and member.key in needs.wanted.sources:
            needs.include(member.program_id, member.effective_from)
    return needs.spans


async def _load_coupons(tx: Tx, needs: Needs, state: CampaignsState) -> None:
    """Last wave, and what belongs to the coupons in it."""
    needs.wanted.coupons |= _derived(needs, state)
    await coupons.place_coupons(tx, needs.named)
    state.placed, found = await coupons.lock_coupons(tx, needs.wanted)
    owners = state.customers.keys() | state.members.keys()
    moved = [each.key for each in found if (each.program_id, each.holder_id) not in owners]
    if moved:
        raise Shortage(dict.fromkeys(moved, 0))
    state.coupons.read(found)
    state.namings.read(await coupons.load_namings(tx, state.placed))
    promised = {
        template.key: template
        for promises in state.promises.values()
        for promise in promises
        for template in promise.templates
    }
    missing = needs.templates | {(each.program_id, each.template_id) for each in found}
    state.templates.read(promised.values())
    state.templates.read(await coupons.load_templates(tx, missing - promised.keys(), []))
    await _load_limits(tx, state, owners)


async def _load_limits(tx: Tx, state: CampaignsState, holders: Iterable[Key]) -> None:
    stocked, most = [], {}
    for key, template in state.templates.items():
        if template.body.stock is not None:
            stocked.append(key)
        if template.body.per_member is not None:
            most[key] = template.body.per_member
    state.stocks.read(await coupons.load_stocks(tx, stocked))
    state.quotas.read(await coupons.load_quotas(tx, most, holders))


def _derived(needs: Needs, state: CampaignsState) -> set[Key]:
    """Coupons that the orders and members of the batch may be owed: ids follow from their sources.

    An order may have named one before it was issued, so that its place is held.
    """
    found = set()
    for number, promises in state.promises.items():
        program = needs.programs[number]
        orders = [key for key in needs.orders if key[0] == number]
        members = [key for key in needs.wanted.sources - needs.orders if key[0] == number]
        for promise in promises:
            gift = promise.body.kind == NEW_MEMBER_GIFT
            channel = Channel.NEW_MEMBER_GIFT if gift else Channel.AFTER_ORDER
            found |= {
                (number, coupon_id(program, template, channel, source))
                for template in promise.templates
                for _, source in (members if gift else orders)
            }
    return found


async def guard_campaigns(tx: Tx, needs: Needs) -> None:
    """Keep the programs' campaigns from changing meanwhile, or change one while nobody decides."""
    keys = sorted(lock_key(f"campaigns:{p.text_id}") for p in needs.programs.values())
    take = "pg_advisory_xact_lock" if needs.steered else "pg_advisory_xact_lock_shared"
    await tx.fetch(f"select {take}(k) from unnest($1::bigint[]) k", keys)


async def load_versions(tx: Tx, campaigns: Iterable[Campaign]) -> list[CampaignVersion]:
    """The newest bodies of campaigns, by primary key."""
    return await _READ_VERSION.run(tx, [(*each.key, each.version) for each in campaigns])


async def load_promises(tx: Tx, spans: Mapping[int, Span]) -> dict[int, tuple[Promise, ...]]:
    """Confirmed campaigns in whose time some instants lie, by campaign_window_idx.

    The earliest first; each with its body, moves and templates.
    """
    arrays = columns([(number, *span) for number, span in spans.items()], 3)
    if not arrays[0]:
        return {}
    rows = await tx.fetch(
        f"""
        select c.*, v.body from unnest($1::integer[], $2::timestamptz[], $3::timestamptz[])
          k (program_id, earliest, latest)
        join campaign c on c.program_id = k.program_id and c.ends_at > k.earliest
          and c.starts_at <= k.latest and c.state in {CONFIRMED}
        join campaign_version v on v.program_id = c.program_id
          and v.campaign_id = c.campaign_id and v.version = c.version
        order by c.program_id, c.starts_at, c.campaign_id
        """,
        *arrays,
    )
    bodies = {(row["program_id"], row["campaign_id"]): row["body"] for row in rows}
    templates: dict[Key, list[Template]] = {key: [] for key in bodies}
    for template in await coupons.load_templates(tx, [], bodies):
        templates[template.program_id, template.campaign_id].append(template)
    moves: dict[Key, list[CampaignMove]] = {key: [] for key in bodies}
    for move in await _READ_MOVE.run(tx, bodies):
        moves[move.program_id, move.campaign_id].append(move)
    found: dict[int, tuple[Promise, ...]] = {}
    for row in rows:
        values = dict(row)
        body = decode_body(values.pop("body"))
        campaign = Campaign(**values)
        mine = sorted(templates[campaign.key], key=lambda each: each.place)
        done = sorted(moves[campaign.key], key=lambda each: each.no)
        promise = Promise(campaign, body, tuple(mine), tuple(done))
        found[campaign.program_id] = (*found.get(campaign.program_id, ()), promise)
    return found


async def lock_members(tx: Tx, made: set[Key], asked: set[Key]) -> list[MemberView]:
    """Second wave: lock all by primary key, sorted; those that events told of are made first."""
    rows = await _LOCK_MEMBER.run(tx, made | asked)
    missing = made - {row.key for row in rows}
    await _PLACE_MEMBER.run(tx, missing)
    return rows + await _LOCK_MEMBER.run(tx, missing)


async def load_orders(tx: Tx, keys: Iterable[Key]) -> list[OrderFact]:
    """Orders by primary key."""
    return await _READ_ORDER.run(tx, keys)


async def load_refunds(tx: Tx, orders: Iterable[Key]) -> list[RefundFact]:
    """Refunds of orders, by refund_fact_order_idx."""
    return await _READ_REFUND.run(tx, orders)


async def find_orders(tx: Tx, program_id: int, span: Span) -> dict[Key, Key | None]:
    """Orders completed at some time with their customers, by order_fact_completed_idx."""
    rows = await tx.fetch(
        """
        select order_id, customer_id from order_fact
        where program_id = $1 and completed_at between $2 and $3
        """,
        program_id,
        *span,
    )
    return {
        (program_id, row["order_id"]): (program_id, row["customer_id"])
        if row["customer_id"]
        else None
        for row in rows
    }


async def find_members(tx: Tx, program_id: int, span: Span) -> set[Key]:
    """Members who joined at some time, by member_view_effective_idx."""
    rows = await tx.fetch(
        """
        select member_id from member_view
        where program_id = $1 and effective_from between $2 and $3
        """,
        program_id,
        *span,
    )
    return {(program_id, row["member_id"]) for row in rows}


async def list_drafts(
    tx: Tx, program_id: int, saved_before: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Drafts last saved before an instant, by primary key, after a cursor."""
    rows = await tx.fetch(
        f"""
        select campaign_id from campaign
        where program_id = $1 and state = {int(CampaignState.DRAFT)} and saved_at < $2
          and ($3::uuid is null or campaign_id > $3)
        order by campaign_id limit $4
        """,
        program_id,
        saved_before,
        after,
        limit,
    )
    return [row["campaign_id"] for row in rows]


CONFIRMED: Final = tuple(
    int(state) for state in (CampaignState.CONFIRMED, CampaignState.PAUSED, CampaignState.ENDED)
)
_CAMPAIGN: Final = bulk.stored(tables.CAMPAIGN, Campaign)
_VERSION: Final = bulk.stored(tables.CAMPAIGN_VERSION, CampaignVersion)
_MOVE: Final = bulk.stored(tables.CAMPAIGN_MOVE, CampaignMove)
_CUSTOMER: Final = bulk.stored(tables.CUSTOMER_VIEW, CustomerView, links=(encode, decode_links))
_MEMBER: Final = bulk.stored(tables.MEMBER_VIEW, MemberView)
_ORDER: Final = bulk.stored(tables.ORDER_FACT, OrderFact, body=(encode, decode_order))
_REFUND: Final = bulk.stored(tables.REFUND_FACT, RefundFact, body=(encode, decode_refund))

_LOCK_CAMPAIGN: Final = _CAMPAIGN.locked("campaign_id")
_READ_VERSION: Final = _VERSION.by("campaign_id", "version")
_READ_MOVE: Final = _MOVE.by("campaign_id")
_PLACE_CUSTOMER: Final = bulk.place(tables.CUSTOMER_VIEW, links="[]")
_LOCK_CUSTOMER: Final = _CUSTOMER.locked("customer_id")
_PLACE_MEMBER: Final = bulk.place(tables.MEMBER_VIEW)
_LOCK_MEMBER: Final = _MEMBER.locked("member_id")
_READ_ORDER: Final = _ORDER.by("order_id")
_READ_REFUND: Final = _REFUND.by("order_id")

_CAMPAIGNS: Final = _CAMPAIGN.upsert()
_VERSIONS: Final = _VERSION.insert()
_MOVES: Final = _MOVE.insert()
_CUSTOMERS: Final = _CUSTOMER.upsert()
_MEMBERS: Final = _MEMBER.upsert()
_ORDERS: Final = _ORDER.save()
_REFUNDS: Final = _REFUND.insert()
