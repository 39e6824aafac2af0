"""HTTP models of the gateway, with examples."""

import ipaddress
import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.gateway.connectors import PULLERS
from services.gateway.model import DeliveryStatus, SecretKind
from shared.ids import BODY

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]


def _cidr(value: str) -> str:
    ipaddress.ip_network(value)
    return value


class Asked(BaseModel):
    """A body that a caller sends: what is not known of it is refused."""

    model_config = ConfigDict(extra="forbid")


StoreId = Annotated[str, Field(pattern=f"^sto_{BODY}$")]


_GIVEN: Final = {
    "shopify": "Shopify signs with the app's client secret: give it as `secret`",
    "taobao-spi": "Taobao signs with the app's secret: give it as `secret`",
    "youzan": "Youzan signs with client_id:client_secret: give it as `secret`",
}
"""Sources whose secret is the platform's, and how that is told."""
_PAIR: Final = re.compile(r"[^\s:]+:[^\s:]+")


def wrong_secret(source: str, given: str | None) -> str | None:
    """What is wrong with the secret that is given, or is not, for a connection of a source."""
    if given is None:
        return _GIVEN.get(source)
    if source == "generic":
        return "the secret of a generic connection is made here"
    if source in PULLERS:
        return "A connection that is pulled has no secret, but credentials"
    return _GIVEN[source] if source == "youzan" and not _PAIR.fullmatch(given) else None


class NewConnection(Asked):
    """A webhook of a store."""

    store_id: StoreId
    source: Literal["generic", "shopify", "woocommerce", "taobao-spi", "taobao-tmc", "youzan"] = (
        "generic"
    )
    name: str = Field(default="", max_length=200)
    secret: Annotated[str, Field(min_length=4, max_length=200)] | None = Field(
        default=None,
        description="What the shop signs with, where the shop gives it (Shopify: the app's client "
        "secret; taobao-spi: the app's secret; Youzan: client_id:client_secret): without it the "
        "connection is a draft until its first secret. Elsewhere one is made; nothing signs for "
        "taobao-tmc",
    )
    mode: Literal["live", "test"] = Field(
        default="live",
        description="test: deliveries are read and shown, and nothing comes of them",
    )

    @model_validator(mode="after")
    def _given_where_needed(self) -> Self:
        if self.secret is not None and (wrong := wrong_secret(self.source, self.secret)):
            raise ValueError(wrong)
        return self

    @property
    def is_draft(self) -> bool:
        """Whether the platform gives the secret, and has not yet."""
        return self.secret is None and self.source in _GIVEN


class NewSecret(Asked):
    """Another secret of a connection."""

    secret: Annotated[str, Field(min_length=4, max_length=200)] | None = Field(
        default=None, description="What the shop gives; else one is made"
    )
    kind: SecretKind = Field(
        default="webhook",
        description="member: signs tokens with which buyers come to the member centre",
    )


class SecretOnce(BaseModel):
    """A secret, shown this once."""

    secret_id: str
    secret: str


class CredentialsState(BaseModel):
    """What calls to the platform are signed with, without the values."""

    needed: list[str] = Field(description="Names of what its calls need; empty: it calls nobody")
    optional: list[str] = Field(description="Names of what may be given besides, to renew it")
    set_at: Instant | None
    expires_at: Instant | None
    trouble: str | None = Field(description="Why the platform does not take them")


class NewCredentials(Asked):
    """What calls to the platform are signed with, whole; kept sealed and never shown."""

    values: dict[
        Annotated[str, Field(max_length=64)], Annotated[str, Field(min_length=1, max_length=2000)]
    ] = Field(max_length=16)
    expires_at: AwareDatetime | None = Field(
        default=None, description="When the platform ends them"
    )


class ChangedConnection(Asked):
    """What of a connection changes; what is not named stays."""

    name: str | None = Field(default=None, max_length=200)
    mode: Literal["live", "test"] | None = None


class Connection(BaseModel):
    """A connection as it is."""

    connection_id: str
    store_id: str
    source: str
    state: Literal["draft", "active", "paused", "closed"] = Field(
        description="draft: it has no secret yet, and takes nothing"
    )
    name: str
    url: str
    mode: str
    created_at: Instant
    credentials: CredentialsState


class ConnectionMade(Connection):
    """A new connection with its first secret."""

    secrets: list[SecretOnce]


class DeliveryLine(BaseModel):
    """A delivery and what became of it."""

    delivery_id: str
    connection_id: str
    received_at: Instant
    source_id: str
    type: str | None
    status: str
    reason: str | None
    event_id: str | None
    attempt: int
    took_ms: int


class OrderTold(BaseModel):
    """What is known here of an order, and the deliveries that told of it."""

    order_id: str
    store_id: str
    order_no: str
    first_at: Instant | None = Field(description="Earliest instant told of it; null: none was")
    customer_id: str | None = Field(description="Null: a guest's, or nobody's yet")
    due_at: Instant | None = Field(description="When it completes, where its shop never says so")
    waiting: int = Field(description="Refunds and cancellations that wait for it")
    topic: str = Field(description="Of its events on the log")
    deliveries: list[DeliveryLine] = Field(description="The oldest first")


class Contact(BaseModel):
    """Whom somebody looks for: a whole phone or a whole e-mail."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"phone": "+8613800138000"}}
    )

    phone: str | None = Field(default=None, min_length=3, max_length=40)
    email: str | None = Field(default=None, min_length=3, max_length=254)


class FoundMember(BaseModel):
    """A member who was found."""

    member_id: str
    status: str


class FoundMembers(BaseModel):
    """Who is known by it; usually one."""

    items: list[FoundMember]
    away: list[str] = Field(description="Services that did not answer: theirs are missing here")


class CounterCard(BaseModel):
    """What a counter may know of a member of any branch."""

    member_id: str
    status: str
    name: str | None = Field(description="Masked; absent where none is known or it is hidden")
    tiers: dict[str, str] = Field(
        description="By ladder, the tier of now", examples=[{"main": "gold"}]
    )


class CounterCards(BaseModel):
    """Who is known by it; usually one."""

    items: list[CounterCard]
    away: list[str] = Field(description="Services that did not answer: theirs are missing here")


class Tried(BaseModel):
    """What trying a connection showed."""

    asked: bool = Field(description="Whether its platform was asked")
    trouble: str | None = Field(description="What is wrong with its answer")
    last_delivery: DeliveryLine | None = Field(description="What came last, by whatever way")


class ComparedDay(BaseModel):
    """A local day of the program: orders paid on it, at the shop and as they were told here."""

    day: str = Field(examples=["2026-03-01"])
    currency: str
    shop_count: int
    shop_total_minor: int
    our_count: int
    our_total_minor: int
    agrees: int
    different: int
    missing: int = Field(description="Nobody had told them; they are published now")


class ComparedOrder(BaseModel):
    """An order that does not agree."""

    order_id: str
    order_no: str
    day: str
    currency: str
    verdict: Literal["different", "missing"]
    shop_total_minor: int
    our_total_minor: int | None = Field(description="null: nothing was known of it")


class Comparison(BaseModel):
    """What comparing a connection with its shop found last, over seven days."""

    compared_at: Instant | None = Field(description="null: not yet")
    next_at: Instant | None = Field(description="null: its shop cannot be asked")
    days: list[ComparedDay]
    orders: list[ComparedOrder] = Field(description="The first 200 that do not agree")


class ConnectionPage(BaseModel):
    """Connections."""

    items: list[Connection]


class SecretLine(BaseModel):
    """A secret without its value."""

    secret_id: str
    kind: SecretKind
    not_before: Instant
    not_after: Instant | None
    last_used_at: Instant | None


class SecretPage(BaseModel):
    """Secrets of a connection."""

    items: list[SecretLine]


class EndSecret(Asked):
    """When a secret ends; the default leaves a day for the change at the shop."""

    after_hours: int = Field(default=24, ge=0, le=24 * 30)


PERMISSION = r"^(\*|[a-z]+(-[a-z]+)*\.[a-z-]+)$"


class NewKey(Asked):
    """An API key of the programme."""

    name: str = Field(min_length=1, max_length=200)
    permissions: list[Annotated[str, Field(pattern=PERMISSION)]] = Field(
        min_length=1, max_length=64
    )
    stores: list[Annotated[str, Field(pattern=rf"^(\*|sto_{BODY})$")]] = Field(
        default=["*"], min_length=1, max_length=200
    )
    cidrs: list[Annotated[str, AfterValidator(_cidr)]] = Field(default=[], max_length=50)
    expires_days: int = Field(default=90, ge=1, le=365)


class RotateKey(Asked):
    """How long the old key is taken beside the new one, and how long that one lasts."""

    overlap_hours: int = Field(default=24, ge=0, le=24)
    expires_days: int = Field(default=90, ge=1, le=365)


class Key(BaseModel):
    """A key without its text."""

    key_id: str
    name: str
    permissions: list[str]
    stores: list[str]
    cidrs: list[str]
    expires_at: Instant
    revoked_at: Instant | None
    last_used_at: Instant | None = Field(description="To the hour; None: never, or not lately")
    rotated_from: str | None = Field(description="The key whose place it takes")


class KeyMade(Key):
    """A new key with its text, shown this once."""

    key: str


class KeyPage(BaseModel):
    """Keys."""

    items: list[Key]


class KeptEvent(BaseModel):
    """An event that a delivery would give now."""

    type: str
    id: str
    event: dict[str, Any]


class KeptDelivery(BaseModel):
    """A delivery as it came, and what it would give now."""

    headers: dict[str, str]
    body: str = Field(description="As text; what is no text has replacement characters")
    events: list[KeptEvent]


class NewReplay(Asked):
    """Which deliveries are to be read again."""

    connection_id: str | None = Field(default=None, pattern=f"^whk_{BODY}$")
    statuses: list[DeliveryStatus] = Field(default=["failed"], min_length=1, max_length=7)
    since: AwareDatetime | None = Field(default=None, description="Received at or after")
    until: AwareDatetime | None = Field(default=None, description="Received before")


class Replay(BaseModel):
    """A replay, and how far it has come."""

    replay_id: str
    asked_at: Instant
    finished_at: Instant | None
    total: int
    done: int
    outcomes: dict[str, int] = Field(description="What the deliveries came to, by status")


class ReplayPage(BaseModel):
    """Replays, the one asked for last first."""

    items: list[Replay]
    next_page_token: str | None


class DeliveryPage(BaseModel):
    """Deliveries, the newest first."""

    items: list[DeliveryLine]
    next_page_token: str | None


class Taken(BaseModel):
    """What became of a delivery."""

    delivery: str
    status: DeliveryStatus
    reason: str | None = Field(default=None, description="Why it waits or is ignored")


class PingSeen(BaseModel):
    """WooCommerce tries an address when a webhook is made; nothing is kept of it."""

    status: Literal["ping seen"]


class BulkTaken(BaseModel):
    """What became of a bulk delivery."""

    accepted: int
    duplicates: int
    failed: list[dict[str, Any]]
