"""Lives of a shop as Hypothesis draws them: what it tells, what staff ask for, days that end.

Steps are taken one after the other while the services work; when a service hears of one, and in
which order of the others, is left to chance.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, Protocol

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from services.campaigns.coupons.model import IssueCoupon, RevokeCoupon
from services.campaigns.managing import carry_out
from services.campaigns.model import MoveCampaign, MoveName
from services.campaigns.seeding import seed_campaign
from services.members.model import JoinOpen, LinkCustomer, SetHomeBranch, UnlinkCustomer
from shared.audit.deeds import Deed
from shared.events.storefront.parts import Identity
from shared.ids import derive, text_id, uuid_of
from tests.builders.actors import an_actor
from tests.builders.events import instant
from tests.builders.promises import a_gift, a_template, an_order_campaign
from tests.builders.storefront import (
    STORE,
    a_check_in,
    a_refund,
    an_order,
    an_update,
    customer,
    order_id,
)
from tests.flow.histories import DAYS, Told, check_ins, instants, orders
from tests.flow.whole import Whole

ANN, BEN, CID = customer("Ann"), customer("Ben"), customer("Cid")
PHONE = Identity(kind="phone", hash="v1." + "p" * 43, verified=True)
MAIL = Identity(kind="email", hash="v1." + "m" * 43, verified=False)
IDENTITIES: Final[Mapping[str | None, list[Identity]]] = {ANN: [PHONE], BEN: [MAIL], CID: [PHONE]}
"""Ann and Cid are one person."""
BUYERS: Final = [ANN, BEN, CID]
BEGIN: Final = instant("2026-02-28 04:00")
DAY: Final = timedelta(days=1)
POINTS: Final = {
    "validity": "days:2",
    "tier_bp": {"ordinary": 10_000, "silver": 15_000, "gold": 20_000},
    "check_in": {"points": 5},
}
LADDER: Final = {
    "code": "main",
    "downgrade": "to-supported",
    "tiers": [
        {"code": "ordinary", "rank": 1},
        {"code": "silver", "rank": 2, "enter": {"amount_minor": 5_000}},
        {"code": "gold", "rank": 3, "enter": {"amount_minor": 100_000}},
    ],
}
CAMPAIGNS: Final = {
    "gift": a_gift(a_template(per_member=1)),
    "order": an_order_campaign(
        a_template(stock=2, per_member=2, validity={"lasts_days": 3}), threshold_minor=5_000
    ),
}
"""Of the coupons after orders there are fewer than orders."""
SPAN: Final = (instant("2026-02-01"), instant("2026-12-01"))


def template(program: str, name: str) -> str:
    """Text id of a campaign's template."""
    return text_id("cpt", derive("template", program, name))


def campaign(program: str, name: str) -> str:
    """Text id of a campaign."""
    return text_id("cmp", derive("campaign", program, name))


def coupon(program: str, no: str) -> str:
    """Text id of the coupon that an order may earn."""
    source = order_id(program, no)
    order = template(program, "order")
    return text_id("cpn", derive("coupon", program, order, "after-order", source, "1"))


class Step(Protocol):
    """Something that happens to a program."""

    async def take(self, whole: Whole, program: str) -> None:
        """Let it happen."""
        ...


class Tell(Struct, frozen=True):
    """The shop tells something; an order may name coupons that others earned."""

    told: Told
    named: Sequence[str] = ()

    async def take(self, whole: Whole, program: str) -> None:
        """Append it to the log."""
        values = dict(self.told.values)
        if self.told.what in {an_order, an_update}:
            values["identities"] = IDENTITIES.get(values["buyer"], [])
        if self.told.what is an_order:
            values["coupon_codes"] = [coupon(program, no) for no in self.named]
        await whole.append(self.told.what(program, **values))


class Ask(Struct, frozen=True):
    """Staff or a customer ask for something; it may be refused."""

    what: Literal["join", "link", "unlink", "home", "issue", "revoke"]
    buyer: str
    number: int
    """Which of the members or coupons that there are."""
    day: int

    async def take(self, whole: Whole, program: str) -> None:
        """Carry out the command."""
        at = BEGIN + timedelta(days=self.day)
        buyer = uuid_of(self.buyer)
        data: Any
        match self.what:
            case "join":
                data = JoinOpen(buyer, uuid_of(STORE))
            case "link":
                data = LinkCustomer(buyer, await self._of(whole, program, "member"), "asked for")
            case "unlink":
                data = UnlinkCustomer(buyer, "asked for")
            case "home":
                member = await self._of(whole, program, "member")
                data = SetHomeBranch(member, uuid_of(STORE) if self.number % 2 else None, "asked")
            case "issue":
                given = uuid_of(template(program, "order"))
                data = IssueCoupon(given, await self._of(whole, program, "member"))
            case "revoke":
                data = RevokeCoupon(await self._of(whole, program, "coupon"), "by mistake")
        service = "campaigns" if self.what in {"issue", "revoke"} else "members"
        await whole.ask(service, program, data, at)

    async def _of(self, whole: Whole, program: str, table: str) -> Any:
        service = {"member": "members", "coupon": "campaigns"}[table]
        rows = await whole.rows(
            service,
            f"select {table}_id from {table} join program using (program_id) where public_id = $1",
            uuid_of(program),
        )
        found = sorted(row[0] for row in rows)
        return found[self.number % len(found)] if found else derive("nobody")


class Steer(Struct, frozen=True):
    """Staff pause or resume the campaign after orders."""

    move: MoveName
    day: int

    async def take(self, whole: Whole, program: str) -> None:
        """Carry out the command."""
        data = MoveCampaign(uuid_of(campaign(program, "order")), None, self.move)
        at = BEGIN + timedelta(days=self.day)
        deed = Deed("campaigns.move", campaign(program, "order"), program)
        await carry_out(whole.databases["campaigns"], program, an_actor(at), data, deed)


class Publish(Struct, frozen=True):
    """Staff publish other settings."""

    factor: int
    day: int

    async def take(self, whole: Whole, program: str) -> None:
        """Publish them; what they concern is settled again when the clock strikes."""
        at = BEGIN + timedelta(days=self.day)
        body = POINTS | {"check_in": {"points": self.factor}, "points_per_unit": self.factor}
        await whole.publish("points", program, "points", body, at)


class Tick(Struct, frozen=True):
    """The clock strikes."""

    day: int

    async def take(self, whole: Whole, program: str) -> None:
        """For all programs."""
        del program
        await whole.tick(BEGIN + timedelta(days=self.day))


ORDER_NOS: Final = [f"{shop}A-{number}" for number in range(4) for shop in ("", "B-")]
days = st.integers(0, DAYS)
named = st.lists(st.sampled_from(ORDER_NOS), max_size=2, unique=True)
asked = st.builds(
    Ask,
    st.sampled_from(["join", "link", "link", "unlink", "home", "issue", "revoke"]),
    st.sampled_from(BUYERS),
    st.integers(0, 5),
    days,
)
steered = st.builds(Steer, st.sampled_from(["pause", "resume"]), days)
published = st.builds(Publish, st.integers(1, 3), days)


@st.composite
def updates(draw: st.DrawFn) -> list[Told]:
    """What the shop says of its customers, wishes to join among it."""
    found = draw(st.lists(st.tuples(st.sampled_from(BUYERS), instants, st.booleans()), max_size=3))
    return [
        Told(at, an_update, {"buyer": buyer, "at": at, "joins": joins})
        for buyer, at, joins in found
    ]


@st.composite
def lives(draw: st.DrawFn) -> list[Step]:
    """What happens to one program, in the order in which it happens."""
    told = [
        *draw(orders([*BUYERS, None])),  # type: ignore[list-item]
        *map(_numbered_on, draw(orders(BUYERS))),
        *draw(check_ins(BUYERS)),
        *draw(updates()),
    ]
    steps: list[Step] = [Tell(each, draw(named)) for each in told]
    steps += draw(st.lists(asked, max_size=6))
    steps += draw(st.lists(steered, max_size=2))
    steps += draw(st.lists(published, max_size=2))
    for again in draw(st.lists(st.sampled_from(steps), max_size=3)):
        if isinstance(again, Tell):
            steps.append(again)
    mixed = list(draw(st.permutations(steps)))
    for day in sorted(draw(st.lists(days, max_size=3))):
        mixed.insert(draw(st.integers(0, len(mixed))), Tick(day))
    return mixed


def _numbered_on(told: Told) -> Told:
    """The same of another order."""
    values = {
        name: f"B-{value}" if name in {"no", "order"} else value
        for name, value in told.values.items()
    }
    return replace(told, values=values)


async def begin(whole: Whole) -> str:
    """A program with everything that a merchant may set."""
    program = await whole.program()
    routes = [{"route": "auto-first-order"}, {"route": "open"}]
    await whole.publish("members", program, "join", {"routes": routes}, BEGIN)
    await whole.publish("members", program, "ladder/main", LADDER, BEGIN)
    await whole.publish("points", program, "points", POINTS, BEGIN)
    for name, body in CAMPAIGNS.items():
        await seed_campaign(
            whole.databases["campaigns"],
            program,
            body,
            *SPAN,
            campaign_id=campaign(program, name),
            template_ids=[template(program, name)],
        )
    return program


async def live(whole: Whole, steps: Sequence[Step]) -> None:
    """All of it happens."""
    program = await begin(whole)
    for step in steps:
        await step.take(whole, program)


async def some_days(whole: Whole) -> str:
    """A program in which points were earned, taken back, corrected and have lapsed."""
    program = await begin(whole)
    for buyer in (ANN, BEN):
        await whole.append(
            an_update(program, buyer=buyer, at=BEGIN, joins=True),
            *(a_check_in(program, buyer=buyer, at=BEGIN + day * DAY) for day in (1, 2, 6)),
            *(
                an_order(
                    program,
                    no=f"{buyer}-{day}",
                    buyer=buyer,
                    at=BEGIN + day * DAY,
                    amount_minor=6_000,
                )
                for day in (1, 4, 6)
            ),
        )
    await whole.quiet()
    later, lines = BEGIN + 7 * DAY, [("1", 1, 1_000)]
    await whole.append(a_refund(program, order=f"{ANN}-6", buyer=ANN, at=later, lines=lines))
    await whole.quiet()
    for day in (3, 4):
        await Tick(day).take(whole, program)
    await Publish(3, 5).take(whole, program)
    await Tick(6).take(whole, program)
    await whole.quiet()
    return program


async def orders_of_ann(whole: Whole, program: str, count: int) -> None:
    """Orders one after the other."""
    for number in range(count):
        at = BEGIN + timedelta(days=8, minutes=number)
        no = f"later-{number}"
        await whole.append(an_order(program, no=no, buyer=ANN, at=at, amount_minor=6_000))
