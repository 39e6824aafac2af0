"""Values of campaigns and coupons by a few words, for the tests of their rules."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.campaigns.coupons.model import (
    Channel,
    Coupon,
    CouponState,
    Entitlement,
    Holder,
    HolderKind,
    Naming,
    Template,
    coupon_id,
)
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.coupons.settings import CouponSettings
from services.campaigns.model import (
    Campaign,
    CampaignMove,
    CampaignsState,
    CampaignState,
    Line,
    OrderBody,
    OrderFact,
    Promise,
    RefundBody,
    RefundFact,
    RefundLine,
)
from services.campaigns.settings import read_body
from shared.days import Instant
from shared.flow import Command, Row
from shared.ids import derive
from shared.links import Link
from tests.builders.events import instant
from tests.builders.programs import a_program
from tests.builders.promises import YEAR, a_template, an_order_campaign

PROGRAM = a_program()
NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
INSTANT = timedelta(milliseconds=1)


def uuid(name: str) -> UUID:
    """The same uuid for the same name."""
    return derive("test", name)


CUSTOMER, ANN, BEN = uuid("customer"), uuid("Ann"), uuid("Ben")
ORDER = uuid("A")
OF_ANN = Holder(HolderKind.MEMBER, ANN)
OF_BEN = Holder(HolderKind.MEMBER, BEN)
OF_CUSTOMER = Holder(HolderKind.CUSTOMER, CUSTOMER)
CAUSE = uuid("cause")


def march(day: int) -> Instant:
    """Noon of a day of March, in the program."""
    return Instant.of(NOON + (day - 1) * DAY)


def template(place: int = 1, campaign: str = "campaign", **body: Any) -> Template:
    """A template of a campaign."""
    settings = CouponSettings(**a_template(**body))
    return Template(1, uuid(f"{campaign}/{place}"), uuid(campaign), place, settings)


def a_campaign(name: str = "campaign", **changes: Any) -> Campaign:
    """A campaign that is confirmed, in force for all of 2026."""
    values: dict[str, Any] = {
        "program_id": 1,
        "campaign_id": uuid(name),
        "kind": "order-coupon",
        "name": name,
        "state": CampaignState.CONFIRMED,
        "starts_at": YEAR[0],
        "ends_at": YEAR[1],
        "version": 1,
        "revision": 1,
        "moves": 0,
        "saved_at": YEAR[0],
    }
    return Campaign(**values | changes)


def a_promise(
    body: Mapping[str, Any] | None = None,
    *,
    name: str = "campaign",
    moves: Sequence[tuple[datetime, CampaignState]] = (),
    **changes: Any,
) -> Promise:
    """A confirmed campaign, by default a coupon for each order of 100.00."""
    promised = read_body(body or an_order_campaign())
    templates = tuple(
        Template(1, uuid(f"{name}/{place}"), uuid(name), place, coupon)
        for place, coupon in enumerate(promised.coupons, 1)
    )
    campaign = a_campaign(name, kind=promised.kind, **changes)
    done = tuple(
        CampaignMove(1, uuid(name), no, state, at, "staff", None)
        for no, (at, state) in enumerate(moves, 1)
    )
    return Promise(campaign, promised, templates, done)


def goods(net_minor: int, line_id: str = "1", kind: str = "goods") -> Line:
    """A line of an order."""
    return Line(line_id, f"SKU-{line_id}", kind, net_minor)


def an_order(*lines: Line, **changes: Any) -> OrderFact:
    """An order of the customer, completed on 1 March; 150.00 of goods if no lines are given."""
    values: dict[str, Any] = {
        "program_id": 1,
        "order_id": ORDER,
        "customer_id": CUSTOMER,
        "currency": "CNY",
        "paid_at": march(1),
        "completed_at": march(1),
        "completed_last_at": changes.get("completed_at", march(1)),
        "cancelled_at": None,
        "body": OrderBody(list(lines or [goods(15_000)])),
    }
    return OrderFact(**values | changes)


def a_refund(
    at: datetime,
    *lines: tuple[str, int],
    name: str = "R",
    sku: str | None = None,
    **body: Any,
) -> RefundFact:
    """A refund of the order; a line is (line id, net)."""
    parts = [RefundLine(line, sku or f"SKU-{line}", net) for line, net in lines]
    return RefundFact(1, uuid(name), ORDER, at, RefundBody(parts, **body))


def a_link(
    member: UUID = ANN, since: datetime = NOON, revision: int = 1, until: datetime | None = None
) -> Link:
    """The customer belongs to a member."""
    ended_at = Instant.of(until) if until else None
    return Link(member, Instant.of(since), revision, ended_at)


def owed(**changes: Any) -> Entitlement:
    """The member is owed a coupon by the order, from 1 March on."""
    values: dict[str, Any] = {
        "template": template(),
        "channel": Channel.AFTER_ORDER,
        "source_id": ORDER,
        "holder": OF_ANN,
        "since": march(1),
        "customer_id": CUSTOMER,
    }
    return Entitlement(**values | changes)


def a_coupon(made_from: Template | None = None, **changes: Any) -> Coupon:
    """A coupon that the order earned on 1 March, usable to 11 March, 24:00."""
    made_from = made_from or template()
    values: dict[str, Any] = {
        "program_id": 1,
        "coupon_id": coupon_id(PROGRAM, made_from, Channel.AFTER_ORDER, ORDER),
        "template_id": made_from.template_id,
        "campaign_id": made_from.campaign_id,
        "channel": Channel.AFTER_ORDER,
        "source_id": ORDER,
        "no": 1,
        "customer_id": CUSTOMER,
        "holder_kind": HolderKind.MEMBER,
        "holder_id": ANN,
        "since": march(1),
        "owed_until": None,
        "valid_from": march(1),
        "valid_to": instant("2026-03-11 16:00"),
        "state": CouponState.ISSUED,
        "version": 1,
        "changed_at": march(1),
    }
    return Coupon(**values | changes)


COUPON = a_coupon().coupon_id


def named(order: str, at: datetime, **changes: Any) -> Naming:
    """An order that names the coupon."""
    return Naming(1, COUPON, uuid(order), at, **changes)


def a_state(*rows: Row, horizon: datetime | None = None) -> CampaignsState:
    """What a batch knows."""
    horizons = {1: horizon} if horizon else {}
    state = CampaignsState({PROGRAM.text_id: PROGRAM}, horizons)
    keep(state, rows)
    return state


def keep(state: CampaignsState, rows: Iterable[Row]) -> None:
    """Put what a decision wrote where the next one finds it."""
    for row in rows:
        state.put(row)


def a_draft(*rows: Row, state: CampaignsState | None = None) -> Draft:
    """A decision that has written nothing yet; the template is known."""
    if state is None:
        state = a_state(template(), *rows)
    return Draft(state, PROGRAM, CAUSE)


def a_command(at: datetime = NOON) -> Command:
    """What staff ask for."""
    return Command(CAUSE, PROGRAM.text_id, at, "usr_ann", None)
