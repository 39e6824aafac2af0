"""HTTP models of programs and stores, with examples."""

from typing import Annotated, Literal

from babel.numbers import UnknownCurrencyError, validate_currency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.gateway.schemas import Asked, Instant, StoreId
from shared.days import zone


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


Name = Annotated[str, Field(min_length=1, max_length=200)]
Zone = Annotated[str, AfterValidator(_zone), Field(max_length=64)]
Currency = Annotated[str, AfterValidator(_currency)]
Region = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Locale = Annotated[str, Field(min_length=2, max_length=16)]


class NewProgram(Asked):
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


class ChangeProgram(Asked):
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


class LeaveProgram(Asked):
    """That a program is to be deleted, its name typed as it stands, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "Demo", "reason": "we move on"}}
    )

    name: Name
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class ServiceDeletion(BaseModel):
    """How far a service is with deleting a program."""

    service: str
    state: Literal["none", "deleting", "done", "away"] = Field(
        description="none: it has not begun; away: it does not answer now"
    )
    deleted: int | None = Field(description="Rows deleted so far")
    began_at: Instant | None
    finished_at: Instant | None


class ProgramDeparture(BaseModel):
    """Whether a program leaves, or has left."""

    program_id: str
    status: str
    reason: str | None
    asked_by: str | None
    approved_by: str | None = Field(description="null: nobody else could agree")
    began_at: Instant | None
    ends_at: Instant | None = Field(description="Until then it can be taken back")
    services: list[ServiceDeletion] = Field(description="Of a program that left; else none")


class Link(Asked):
    """A page where something is done that stays in the storefront."""

    name: str = Field(min_length=1, max_length=60)
    url: str = Field(max_length=2000, pattern="^https?://")


Links = Annotated[list[Link], Field(max_length=20, description="Pages of the storefront")]


class NewStore(Asked):
    """A sales channel of the programme."""

    kind: Literal["taobao", "tmall", "youzan", "shopify", "woocommerce", "generic", "branch"]
    name: Name
    region: Region | None = None
    parent: StoreId | None = Field(default=None, description="Of a branch, the store above it")
    links: Links = Field(default=[])


class ChangeStore(Asked):
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
