"""Every event of Shuke, one line each: the table that everything else reads.

From it come the AsyncAPI document, the JSON Schemas, the topic list and the graph of who reacts to
whom. The graph has no cycle (a test builds it), so no event can run in circles. Beside it the
gateway reads every type to hand it on to endpoints outside; since it announces nothing because of
what it merely hands on, that is no edge.
"""

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from shared.events.campaigns.coupon_changed import CouponChanged
from shared.events.campaigns.coupon_issued import CouponIssued
from shared.events.dead_letters.event_quarantined import EventQuarantined
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_erased import MemberErased
from shared.events.members.member_joined import MemberJoined
from shared.events.members.member_updated import MemberUpdated
from shared.events.members.tier_changed import TierChanged
from shared.events.points.points_changed import PointsChanged
from shared.events.programs.program_changed import ProgramChanged
from shared.events.programs.store_changed import StoreChanged
from shared.events.storefront.activity import Activity
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.customer_updated import CustomerUpdated
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund

Data = (
    ProgramChanged
    | StoreChanged
    | OrderPaid
    | OrderCompleted
    | OrderCancelled
    | Refund
    | CheckIn
    | Activity
    | CustomerUpdated
    | MemberJoined
    | CustomerLinked
    | TierChanged
    | MemberErased
    | MemberUpdated
    | PointsChanged
    | CouponIssued
    | CouponChanged
    | EventQuarantined
)
"""Any event's data."""

Keyed = Literal["program", "customer", "member", "quarantine"]
"""What the second part of the log key is: `customer` falls back to the order for guests, `member`
to the customer while there is no member."""

PARTITIONS: Final = 12
RETENTION_DAYS: Final = 400
FOR_EVER: Final = 0
SERVICES: Final = ("gateway", "members", "points", "campaigns", "analytics")
FORWARDER: Final = "gateway"
"""The service that hands events on to endpoints outside."""


class EventType(Struct, frozen=True):
    """One line of the catalogue."""

    name: str
    version: int
    topic: str
    producer: str
    consumers: tuple[str, ...]
    keyed: Keyed
    data: type[Data]

    @property
    def type(self) -> str:
        """The CloudEvents type, e.g. `shuke.order-completed.v1`."""
        return f"shuke.{self.name}.v{self.version}"

    @property
    def forwarded(self) -> bool:
        """Whether endpoints outside may have it: all but what services set aside themselves."""
        return self.keyed != "quarantine"

    def is_read_by(self, service: str) -> bool:
        """Whether a service reads it, to react to it or to hand it on."""
        return service in self.consumers or (self.forwarded and service == FORWARDER)


class Topic(Struct, frozen=True):
    """One topic of the log. `retention_days` 0: every record is kept for ever."""

    name: str
    partitions: int
    retention_days: int


_M, _P, _C, _A, _G = "members", "points", "campaigns", "analytics", "gateway"

# fmt: off
CATALOGUE: Final = (
    #         name               v  topic         producer   consumers         keyed       data
    EventType("program-changed", 1, "programs",   "gateway", (_M, _P, _C, _A), "program",  ProgramChanged),
    EventType("store-changed",   1, "programs",   "gateway", (_M, _P, _C, _A), "program",  StoreChanged),
    EventType("order-paid",      1, "storefront", "gateway", (_C, _G),         "customer", OrderPaid),
    EventType("order-completed", 1, "storefront", "gateway", (_M, _P, _C, _A, _G), "customer", OrderCompleted),
    EventType("order-cancelled", 1, "storefront", "gateway", (_M, _P, _C, _A, _G), "customer", OrderCancelled),
    EventType("refund",          1, "storefront", "gateway", (_M, _P, _C, _A, _G), "customer", Refund),
    EventType("check-in",        1, "storefront", "gateway", (_P, _A),         "customer", CheckIn),
    EventType("activity",        1, "storefront", "gateway", (_A,),            "customer", Activity),
    EventType("customer-updated", 1, "storefront", "gateway", (_M,),           "customer", CustomerUpdated),
    EventType("member-joined",   1, "members",    "members", (_C, _A),         "member",   MemberJoined),
    EventType("customer-linked", 1, "members",    "members", (_P, _C, _A),     "member",   CustomerLinked),
    EventType("tier-changed",    1, "members",    "members", (_P, _A),         "member",   TierChanged),
    EventType("member-erased",   1, "members",    "members", (_C, _A),         "member",   MemberErased),
    EventType("member-updated",  1, "members",    "members", (),               "member",   MemberUpdated),
    EventType("points-changed",  1, "points",     "points",  (_A,),            "member",   PointsChanged),
    EventType("coupon-issued",   1, "campaigns",  "campaigns", (_A,),          "member",   CouponIssued),
    EventType("coupon-changed",  1, "campaigns",  "campaigns", (_A,),          "member",   CouponChanged),
    *(
        EventType("event-quarantined", 1, f"{service}.dead-letter", service, (), "quarantine", EventQuarantined)
        for service in SERVICES
    ),
)
# fmt: on

BY_TYPE: Final = {line.type: line for line in CATALOGUE}
"""Catalogue lines by CloudEvents type. (`event-quarantined` has one line per producing service.)"""
BY_PRODUCT: Final = {(line.producer, line.data): line for line in CATALOGUE}
"""Catalogue lines by producer and data class."""


def topics() -> Iterator[Topic]:
    """The topics, each once, in the order of the catalogue."""
    for name in dict.fromkeys(line.topic for line in CATALOGUE):
        yield Topic(name, PARTITIONS, FOR_EVER if name == "programs" else RETENTION_DAYS)


def topics_read_by(service: str) -> tuple[str, ...]:
    """Topics that hold a type which the service reads, in the order of the catalogue."""
    return tuple(dict.fromkeys(line.topic for line in CATALOGUE if line.is_read_by(service)))


def types_read_by(service: str) -> frozenset[str]:
    """CloudEvents types that the service reads."""
    return frozenset(line.type for line in CATALOGUE if line.is_read_by(service))
