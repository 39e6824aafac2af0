"""HTTP models of the gateway, with examples."""

import ipaddress
from typing import Annotated, Any, Literal, Self

from babel.numbers import UnknownCurrencyError, validate_currency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.days import zone
from shared.ids import BODY

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]


def _zone(value: str) -> str:
    try:
        zone(value)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError("must be an IANA time zone, e.g. Asia/Shanghai") from error
    return value


def _currency(value: str) -> str:
    try:
        validate_currency(value)
    except UnknownCurrencyError as error:
        raise ValueError("must be an ISO 4217 currency, e.g. CNY") from error
    return value


def _cidr(value: str) -> str:
    ipaddress.ip_network(value)
    return value


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


Name = Annotated[str, Field(min_length=1, max_length=200)]
Zone = Annotated[str, AfterValidator(_zone), Field(max_length=64)]
Currency = Annotated[str, AfterValidator(_currency)]
Region = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Locale = Annotated[str, Field(min_length=2, max_length=16)]
StoreId = Annotated[str, Field(pattern=f"^sto_{BODY}$")]


class NewProgram(_Request):
    """A merchant's programme."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name": "Demo", "time_zone": "Asia/Shanghai", "currency": "CNY"}
        },
    )

    name: Name
    time_zone: Zone
    currency: Currency
    default_region: Region = "CN"
    locale: Locale = "zh-CN"
    status: Literal["setting-up", "open"] = Field(
        default="open", description="`setting-up`: orders are taken, nobody joins yet"
    )


class ChangeProgram(_Request):
    """What is to be otherwise; what is left out stays as it is.

    Time zone, currency and region stay for good once an order was accepted.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"status": "paused"}})

    # A factory's default is not in the schema: there is none, only what is left out.
    name: Name = Field(default_factory=str)
    time_zone: Zone = Field(default_factory=str)
    currency: Currency = Field(default_factory=str)
    default_region: Region = Field(default_factory=str)
    locale: Locale = Field(default_factory=str)
    status: Literal["open", "paused", "closed"] = Field(
        default_factory=lambda: "open",
        description="setting-up → open ⇄ paused → closed, from which nothing comes back",
    )


class Program(BaseModel):
    """A programme as it is."""

    program_id: str
    name: str
    time_zone: str
    currency: str
    default_region: str
    locale: str
    status: str
    version: int


class ProgramPage(BaseModel):
    """Programmes."""

    items: list[Program]


class Link(_Request):
    """A page where something is done that stays in the storefront."""

    name: str = Field(min_length=1, max_length=60)
    url: str = Field(max_length=2000, pattern="^https?://")


Links = Annotated[list[Link], Field(max_length=20, description="Pages of the storefront")]


class NewStore(_Request):
    """A sales channel of the programme."""

    kind: Literal["taobao", "tmall", "youzan", "shopify", "woocommerce", "generic", "branch"]
    name: Name
    region: Region | None = None
    parent: StoreId | None = Field(default=None, description="Of a branch, the store above it")
    links: Links = []


class ChangeStore(_Request):
    """What is to be otherwise; what is left out stays as it is.

    The region stays for good once an order of the program was accepted.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"status": "paused"}})

    name: Name = Field(default_factory=str)
    region: Region = Field(default_factory=str)
    parent: StoreId | None = Field(default=None, description="null: none above it")
    status: Literal["open", "paused", "closed"] = Field(
        default_factory=lambda: "open",
        description="open ⇄ paused → closed, from which nothing comes back",
    )
    links: Links = Field(default_factory=list)


class Store(BaseModel):
    """A store as it is."""

    store_id: str
    kind: str
    name: str
    parent: str | None
    region: str
    status: str
    links: list[Link]
    version: int


class StorePage(BaseModel):
    """Stores."""

    items: list[Store]


class NewConnection(_Request):
    """A webhook of a store."""

    store_id: StoreId
    source: Literal["generic", "shopify", "woocommerce"] = "generic"
    name: str = Field(default="", max_length=200)
    secret: Annotated[str, Field(min_length=4, max_length=200)] | None = Field(
        default=None,
        description="What the shop signs with, where the shop gives it (Shopify: the app's client "
        "secret); else one is made",
    )

    @model_validator(mode="after")
    def _given_where_needed(self) -> Self:
        if self.source == "shopify" and self.secret is None:
            raise ValueError("Shopify signs with the app's client secret: give it as `secret`")
        if self.source == "generic" and self.secret is not None:
            raise ValueError("the secret of a generic connection is made here")
        return self


class NewSecret(_Request):
    """Another secret of a connection."""

    secret: Annotated[str, Field(min_length=4, max_length=200)] | None = Field(
        default=None, description="What the shop gives; else one is made"
    )


class SecretOnce(BaseModel):
    """A secret, shown this once."""

    secret_id: str
    secret: str


class Connection(BaseModel):
    """A connection as it is."""

    connection_id: str
    store_id: str
    source: str
    state: str
    name: str
    url: str
    created_at: Instant


class ConnectionMade(Connection):
    """A new connection with its first secret."""

    secrets: list[SecretOnce]


class ConnectionPage(BaseModel):
    """Connections."""

    items: list[Connection]


class SecretLine(BaseModel):
    """A secret without its value."""

    secret_id: str
    not_before: Instant
    not_after: Instant | None
    last_used_at: Instant | None


class SecretPage(BaseModel):
    """Secrets of a connection."""

    items: list[SecretLine]


class EndSecret(_Request):
    """When a secret ends; the default leaves a day for the change at the shop."""

    after_hours: int = Field(default=24, ge=0, le=24 * 30)


PERMISSION = r"^(\*|[a-z]+\.[a-z-]+)$"


class NewKey(_Request):
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


class Key(BaseModel):
    """A key without its text."""

    key_id: str
    name: str
    permissions: list[str]
    stores: list[str]
    cidrs: list[str]
    expires_at: Instant
    revoked_at: Instant | None


class KeyMade(Key):
    """A new key with its text, shown this once."""

    key: str


class KeyPage(BaseModel):
    """Keys."""

    items: list[Key]


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
    took_ms: int


class DeliveryPage(BaseModel):
    """Deliveries, the newest first."""

    items: list[DeliveryLine]
    next_page_token: str | None


class Taken(BaseModel):
    """What became of a delivery."""

    delivery: str
    status: Literal["published", "waiting", "duplicate", "conflict", "ignored", "failed"]
    reason: str | None = Field(default=None, description="Why it waits or is ignored")


class PingSeen(BaseModel):
    """WooCommerce tries an address when a webhook is made; nothing is kept of it."""

    status: Literal["ping seen"]


class BulkTaken(BaseModel):
    """What became of a bulk delivery."""

    accepted: int
    duplicates: int
    failed: list[dict[str, Any]]
