"""The figures of a history counted the slow, obvious way: every event looked at, for every figure.

Nothing of the service is used. Cells are by day, store and hour or tier; figures are orders, first
orders, units, gross, refunds, net, points.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared.events.envelope import Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.tier_changed import TierChanged
from shared.events.points.points_changed import PointsChanged
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.refund import Refund

Cells = dict[tuple[Any, ...], tuple[int, ...]]


class Brute:
    """A history, whatever order it comes in."""

    def __init__(self, events: Iterable[Event], time_zone: str, currency: str) -> None:
        self.events = {event.id: event for event in events}.values()
        self.zone = ZoneInfo(time_zone)
        self.currency = currency

    def of(self, kind: type) -> list[Any]:
        """Events of a class of data, the earliest first."""
        found = [event for event in self.events if isinstance(event.data, kind)]
        return sorted(found, key=lambda event: (event.time, event.id))

    def orders(self) -> list[Any]:
        """One completion per order, the earliest; by completion, then by id."""
        first: dict[str, Any] = {}
        for event in self.of(OrderCompleted):
            first.setdefault(event.subject, event)
        return sorted(first.values(), key=lambda event: (event.time, event.subject))

    def refunds(self) -> list[Any]:
        """One per refund, the earliest."""
        first: dict[str, Any] = {}
        for event in self.of(Refund):
            first.setdefault(event.subject, event)
        return list(first.values())

    def entries(self) -> list[Any]:
        """One per ledger line."""
        return list({e.data.entry_id: e for e in self.of(PointsChanged)}.values())

    def links(self, customer: str | None) -> list[Any]:
        """The latest word on each of a customer's links."""
        latest: dict[str, Any] = {}
        for event in self.of(CustomerLinked):
            data = event.data
            if data.customer_id == customer and (
                data.member_id not in latest or latest[data.member_id].revision < data.revision
            ):
                latest[data.member_id] = data
        return list(latest.values())

    def subject(self, customer: str | None) -> str | None:
        """Whose all facts of a customer are."""
        links = self.links(customer)
        open_ones = [link for link in links if link.ended_at is None] or links
        chosen = max(open_ones, key=lambda link: link.revision, default=None)
        return chosen.member_id if chosen else customer

    def member(self, customer: str | None, at: datetime) -> str | None:
        """Whose a customer was at an instant."""
        covering = [
            link
            for link in self.links(customer)
            if link.earns_from <= at and (link.ended_at is None or at < link.ended_at)
        ]
        chosen = max(covering, key=lambda link: link.revision, default=None)
        return chosen.member_id if chosen else None

    def tier(self, order: Any) -> str:
        """The tier strictly before an order."""
        data = order.data
        member = self.member(data.customer_id, order.time)
        told: dict[int, Any] = {}
        for event in self.of(TierChanged):
            change = event.data
            if change.member_id == member and change.primary:
                told[change.revision] = change
        spans: list[Any] = []
        for _, change in sorted(told.items()):
            spans = [span for span in spans if span.start < change.replaces_from]
            spans += change.segments
        if not spans:
            return "unknown"
        before = [span.tier for span in spans if span.start < order.time]
        return str(before[-1] if before else spans[0].tier)

    def cancelled_at(self, order: Any) -> datetime | None:
        """When it was cancelled, if that is the last word on it."""
        last = max(e.time for e in self.of(OrderCompleted) if e.subject == order.subject)
        told = [e.time for e in self.of(OrderCancelled) if e.data.order_id == order.subject]
        return max(told) if told and max(told) >= last else None

    def refunded(self, order: Any) -> int:
        """What the refunds took of an order, at most all."""
        data = order.data
        taken = 0
        for refund in self.refunds():
            given = refund.data
            if given.order_id == order.subject and given.currency == data.currency:
                taken += data.total_minor if given.scope == "full" else given.total_minor
        return int(min(taken, data.total_minor))

    def seq(self, order: Any) -> int:
        """Its number among its subject's."""
        subject = self.subject(order.data.customer_id)
        mine = [o.subject for o in self.orders() if self.subject(o.data.customer_id) == subject]
        return mine.index(order.subject) + 1

    def lines(self) -> list[tuple[datetime, str, str, Sequence[int]]]:
        """What each fact gives: instant, store, tier, figures."""
        found: list[tuple[datetime, str, str, Sequence[int]]] = []
        tiers = {order.subject: self.tier(order) for order in self.orders()}
        for order in self.orders():
            data = order.data
            ours = data.currency == self.currency
            cancelled = self.cancelled_at(order)
            taken = self.refunded(order)
            left = 0 if cancelled else data.total_minor - taken
            first = data.customer_id is not None and self.seq(order) == 1
            units = sum(line.quantity for line in data.lines if line.kind == "goods")
            gross = data.total_minor if ours else 0
            points = sum(
                e.data.amount
                for e in self.entries()
                if e.data.order_id == order.subject and e.data.account in {"issued", "reversed"}
            )
            tier = tiers[order.subject]
            figures = (1, int(first), units, gross, 0, left if ours else 0, points)
            found.append((order.time, data.store_id, tier, figures))
            if cancelled and ours:
                back = (0, 0, 0, 0, data.total_minor - taken, 0, 0)
                found.append((cancelled, data.store_id, tier, back))
        for refund in self.refunds():
            given = refund.data
            cash = given.total_minor if given.currency == self.currency else 0
            tier = tiers.get(given.order_id or "", "unknown")
            found.append((refund.time, given.store_id, tier, (0, 0, 0, 0, cash, 0, 0)))
        return found

    def cells(self, beside: str) -> Cells:
        """Cells by day and store, and beside it `hour`, `tier` or nothing; none that is empty."""
        sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * 7)
        for at, store, tier, figures in self.lines():
            local = at.astimezone(self.zone)
            last = {"hour": (local.hour,), "tier": (tier,)}.get(beside, ())
            key = (local.date(), store, *last)
            sums[key] = [a + b for a, b in zip(sums[key], figures, strict=True)]
        return {key: tuple(figures) for key, figures in sums.items() if any(figures)}

    def points(self) -> Counter[tuple[Any, ...]]:
        """Points by day, wallet, kind, account, source kind."""
        sums: Counter[tuple[Any, ...]] = Counter()
        for event in self.entries():
            data = event.data
            day = event.time.astimezone(self.zone).date()
            key = (day, data.wallet, data.kind, data.account, data.source_kind)
            sums[key] += data.amount
        return sums

    def check_ins(self) -> int:
        """Distinct members or customers and local days; the day's earliest says whose it is."""
        first: dict[tuple[str, Any], datetime] = {}
        for event in self.of(CheckIn):
            day = event.time.astimezone(self.zone).date()
            first.setdefault((event.data.customer_id, day), event.time)
        return len({(self.member(c, at) or c, day) for (c, day), at in first.items()})
