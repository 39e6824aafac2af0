"""The history that is measured: made from a seed, with the totals that it must come to.

Orders of one to five lines by customers of whom few buy often, of every hundred orders three told
again later and two with a line given back. The totals are reckoned in plain Python, by the demo's
second opinion (`tests/e2e/oracle.py`), which shares no code with the services.
"""

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from msgspec import Struct, structs

from shared.days import Instant, start_of, zone
from shared.events import codec
from shared.events.envelope import Announcement, Cause
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.tier_changed import TierCause, TierChanged, TierNow, TierSegment
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.parts import Line
from shared.events.storefront.refund import Refund, RefundLine
from shared.ids import derive, text_id
from shared.stream.port import Message
from tests.e2e import oracle

SEED: Final = 20_261_122
CUSTOMERS: Final = 20_000
SPAN: Final = timedelta(days=340)
"""All orders lie within so much time, so that no lot of twelve months has lapsed yet."""
REFUND_AFTER: Final = timedelta(days=3)
RETOLD_AFTER: Final = 500
"""A repeat comes so many orders after the first, or later."""
RETOLD, REFUNDED = 0.03, 0.02
PRICES: Final = (100, 3_500)
"""Minor units of a line. An order comes to 54 yuan, about as in the demo, whose orders are real;
one in twelve is large enough for the coupon.
"""
SKEW: Final = 1.1
"""Of the Pareto distribution of how often a customer buys."""
PROGRAM: Final = text_id("prg", derive("bench", "program"))
STORE: Final = text_id("sto", derive("bench", "store"))
CURRENCY: Final = "CNY"
ZONE: Final = "Asia/Shanghai"


class Sale(Struct, frozen=True):
    """An order, and the place of the line that is given back, if one is."""

    number: int
    customer: int
    at: datetime
    lines: tuple[int, ...]
    """Minor units of each."""
    back: int | None

    @property
    def order_id(self) -> str:
        """Text id of the order."""
        return text_id("ord", derive(PROGRAM, STORE, f"B-{self.number}"))

    @property
    def kept(self) -> int:
        """Minor units that are not given back."""
        return sum(self.lines) - (0 if self.back is None else self.lines[self.back])


class Told(Struct, frozen=True):
    """What is told of a sale: the order, or the refund of a line when `back_at` is given."""

    sale: Sale
    back_at: datetime | None = None

    def message(self) -> Message:
        """The record of it on the topic `storefront`."""
        if self.back_at is None:
            return _encoded("gateway", bought(self.sale))
        return _encoded("gateway", given_back(self.sale, self.back_at))


class History(Struct, frozen=True):
    """What happens, in the order of time, and who is told of it twice."""

    sales: Sequence[Sale]
    retold: frozenset[int]
    """Numbers of the orders that are told again."""

    @property
    def records(self) -> int:
        """Records of the topic `storefront`."""
        refunds = sum(sale.back is not None for sale in self.sales)
        return len(self.sales) + refunds + len(self.retold)

    def messages(self) -> Iterator[Message]:
        """Records of the topic `storefront`, in the order in which they are told."""
        return (told.message() for told in self.told())

    def told(self) -> Iterator[Told]:
        """What is told, in the order in which it is."""
        waiting: list[tuple[datetime, int, Told]] = []
        again: list[tuple[int, Told]] = []
        for place, sale in enumerate(self.sales):
            while waiting and waiting[0][0] <= sale.at:
                yield heapq.heappop(waiting)[2]
            while again and again[0][0] <= place:
                yield heapq.heappop(again)[1]
            told = Told(sale)
            yield told
            if sale.number in self.retold:
                heapq.heappush(again, (place + RETOLD_AFTER, told))
            if sale.back is not None:
                at = sale.at + REFUND_AFTER
                heapq.heappush(waiting, (at, sale.number, Told(sale, at)))
        yield from (told for _, _, told in sorted(waiting, key=lambda each: each[:2]))
        yield from (told for _, told in again)


def sales_of(told: Iterable[Told]) -> list[Sale]:
    """The sales of which that much was told: a line is given back when its refund was told."""
    sales: dict[int, Sale] = {}
    for each in told:
        back = each.sale.back if each.back_at else None
        if back is not None or each.sale.number not in sales:
            sales[each.sale.number] = structs.replace(each.sale, back=back)
    return list(sales.values())


def history(orders: int, now: datetime, *, customers: int = CUSTOMERS) -> History:
    """So many orders, the same for ever but for the day on which they begin."""
    chance = random.Random(SEED)  # noqa: S311 - the same at every run
    weights = list(accumulate(chance.paretovariate(SKEW) for _ in range(customers)))
    start = start_of(now.date(), zone(ZONE)) - SPAN - 2 * REFUND_AFTER
    buyers = chance.choices(range(customers), cum_weights=weights, k=orders)
    step = SPAN / orders
    sales = []
    for number, buyer in enumerate(buyers):
        lines = tuple(chance.randrange(*PRICES) for _ in range(chance.randint(1, 5)))
        back = chance.randrange(len(lines)) if chance.random() < REFUNDED else None
        at = Instant.of(start + number * step)
        sales.append(Sale(number, buyer, at, lines, back))
    retold = frozenset(sale.number for sale in sales if chance.random() < RETOLD)
    return History(sales, retold)


def programme() -> list[Message]:
    """Records of the topic `programs`: one program with one store."""
    program = ProgramChanged(
        name="Bench", time_zone=ZONE, currency=CURRENCY, default_region="CN", locale="zh-CN",
        status="open", version=1,
    )  # fmt: skip
    store = StoreChanged(
        store_id=STORE, kind="generic", name="Shop", region="CN", status="open", version=1
    )
    at = Instant.parse("2020-01-01T00:00:00Z")
    return [
        _encoded("gateway", Announcement(
            data, PROGRAM, PROGRAM, subject, at, Cause(kind, subject, 1), None
        ))
        for data, subject, kind in ((program, PROGRAM, "program"), (store, STORE, "store"))
    ]  # fmt: skip


def memberships(customers: int = CUSTOMERS) -> Iterator[Message]:
    """Records of the topic `members`: every customer is a member, a tenth of them gold."""
    since = Instant.parse("2020-01-01T00:00:00Z")
    for number in range(customers):
        member, buyer = member_of(number), customer_of(number)
        link = CustomerLinked(
            member_id=member, customer_id=buyer, qualifies_from=since, earns_from=since,
            method="joined", revision=1,
        )  # fmt: skip
        tier = tier_of(number)
        cause = TierCause(kind="join")
        segment = TierSegment(
            start=since, tier=tier, rank=oracle.TIERS.index(tier) + 1, pay_bp=10_000,
            phase="hold", cause=cause, version=1,
        )  # fmt: skip
        tiers = TierChanged(
            member_id=member, ladder="main", primary=True, revision=1, replaces_from=since,
            segments=[segment], current=TierNow(tier=tier, previous=None, direction="first"),
            correction=False, first_reach=[tier], cause=cause,
        )  # fmt: skip
        for data, kind, of in ((link, "link", f"{buyer}/{member}"),
                               (tiers, "ladder", f"{member}/main")):  # fmt: skip
            told = Announcement(data, PROGRAM, member, member, since, Cause(kind, of, 1), None)
            yield _encoded("members", told)


def tier_of(customer: int) -> str:
    """The tier that a customer's member has where members do not earn theirs."""
    return "gold" if customer % 10 == 0 else "ordinary"


def points_alone(sales: Iterable[Sale]) -> dict[str, int]:
    """What the ledger must hold, with the tiers of `memberships`."""
    earned: Counter[str] = Counter()
    for sale in sales:
        halves = oracle.HALF_POINTS[oracle.TIERS.index(tier_of(sale.customer))]
        earned["points"] += sale.kept // 100 * halves // 2
        earned["orders"] += 1
    return dict(earned)


def whole_stack(sales: Iterable[Sale]) -> dict[str, Any]:
    """What all services must come to, with the demo's ladder and campaigns."""
    bought = defaultdict(list)
    count = large = 0
    for sale in sales:
        back = 0 if sale.back is None else sale.lines[sale.back]
        order = oracle.Order(str(sale.number), "", sale.at, list(sale.lines), back)
        bought[sale.customer].append(order)
        count += 1
        large += order.kept >= oracle.LARGE
    stories = [oracle.Story(orders) for orders in bought.values()]
    tiers = Counter(oracle.TIERS[story.tier] for story in stories)
    return {
        "orders": count,
        "members": len(stories),
        "tiers": {name: tiers[name] for name in oracle.TIERS},
        "tier_changes": sum(story.changes for story in stories),
        "points_balance": sum(story.points for story in stories),
        "coupons": len(stories) + large,
    }


def customer_of(number: int) -> str:
    """Text id of a customer."""
    return text_id("cus", derive("bench-customer", str(number)))


def member_of(number: int) -> str:
    """Text id of a customer's member, where members do not join."""
    return text_id("mem", derive("bench-member", str(number)))


def bought(sale: Sale) -> Announcement:
    """An order as the gateway tells it."""
    buyer, order, at = customer_of(sale.customer), sale.order_id, Instant.of(sale.at)
    data = OrderCompleted(
        order_id=order, order_no=f"B-{sale.number}", store_id=STORE, customer_id=buyer,
        guest=False, currency=CURRENCY, placed_at=at, paid_at=at,
        lines=[_line(place, amount) for place, amount in enumerate(sale.lines)],
        shipping_minor=0, shipping_tax_minor=0, discount_minor=0, tax_minor=0,
        gift_card_minor=0, points_paid_minor=0, platform_discount_minor=0,
        total_minor=sum(sale.lines), coupon_codes=[], hold_ids=[], redemption_ids=[],
        campaign_codes=[], identities=[], assurance="high",
        completed_at=at, completed_by="confirmed",
    )  # fmt: skip
    return Announcement(data, PROGRAM, buyer, order, at, Cause("order", order), None)


def given_back(sale: Sale, at: datetime) -> Announcement:
    """The refund of one line of an order."""
    assert sale.back is not None
    refund = text_id("rfd", derive(PROGRAM, STORE, f"R-{sale.number}"))
    amount = sale.lines[sale.back]
    line = RefundLine(
        line_id=str(sale.back), sku=_sku(amount), quantity=1, net_minor=amount, tax_minor=0
    )
    buyer = customer_of(sale.customer)
    data = Refund(
        refund_id=refund, refund_no=f"R-{sale.number}", order_id=sale.order_id, store_id=STORE,
        customer_id=buyer, currency=CURRENCY, refunded_at=Instant.of(at), lines=[line],
        shipping_minor=0, amount_minor=0, total_minor=amount, scope="lines", identities=[],
        assurance="high",
    )  # fmt: skip
    return Announcement(data, PROGRAM, buyer, refund, at, Cause("refund", refund), None)


def _line(place: int, amount: int) -> Line:
    return Line(
        line_id=str(place), sku=_sku(amount), categories=["tea"], quantity=1, list_minor=amount,
        discount_minor=0, net_minor=amount, tax_minor=0, kind="goods", title="Tieguanyin, 250 g",
    )  # fmt: skip


def _sku(amount: int) -> str:
    return f"SKU-{amount % 500}"


def _encoded(service: str, told: Announcement) -> Message:
    event = codec.encode(service, told)
    return Message(event.key, event.id, event.value, event.digest)
