"""HTTP models of outgoing webhooks, with examples."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.gateway.outbound.model import EVERYTHING
from services.gateway.outbound.rules.forwarding import TYPES

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]
Signature = Literal["v1", "v1a"]


def _type(value: str) -> str:
    if value != EVERYTHING and value not in TYPES:
        raise ValueError(f"must be * or one of: {', '.join(TYPES)}")
    return value


TypeName = Annotated[str, AfterValidator(_type), Field(examples=["order-completed"])]
Types = Annotated[
    list[TypeName],
    Field(
        min_length=1,
        max_length=64,
        description="Names of event types, without version; * for all there are and will be",
    ),
]
Url = Annotated[str, Field(min_length=1, max_length=2_000, examples=["https://example.com/hook"])]
Name = Annotated[str, Field(max_length=200, description="A name for people")]
Ordered = Annotated[
    bool,
    Field(
        description="One message of a subject at a time, the next only when it was taken or given "
        "up; otherwise they may overtake each other"
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewEndpoint(_Request):
    """Where events are to be sent."""

    url: Url
    types: Types = [EVERYTHING]
    name: Name = ""
    ordered: Ordered = False
    signature: Signature = Field(
        default="v1", description="v1: a shared secret; v1a: Ed25519, verified by a public key"
    )


class ChangeEndpoint(_Request):
    """What changes of an endpoint; the rest stays."""

    url: Url | None = None
    types: Types | None = None
    name: Name | None = None
    ordered: Ordered | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set or None in self.model_dump(exclude_unset=True).values():
            raise ValueError("name at least one field, none of them null")
        return self


class Endpoint(BaseModel):
    """An endpoint as it is."""

    endpoint_id: str
    url: str
    name: str
    types: list[str]
    ordered: bool
    state: Literal["enabled", "disabled"]
    reason: str | None = Field(description="Why it is disabled: staff, failing or gone")
    failures: int = Field(description="Failed attempts since the last one that was taken")
    failing_since: Instant | None
    created_at: Instant


class SigningSecret(BaseModel):
    """What the endpoint verifies with, shown this once."""

    secret_id: str
    signature: Signature
    secret: str = Field(description="whsec_…, or the public key whpk_… of v1a")


class EndpointMade(Endpoint):
    """A new endpoint with its first secret."""

    secrets: list[SigningSecret]


class EndpointPage(BaseModel):
    """Endpoints."""

    items: list[Endpoint]


class RotateSecret(_Request):
    """A new secret beside those that sign now, which go on for some hours."""

    signature: Signature = "v1"
    overlap_hours: int = Field(default=24, ge=0, le=24 * 30)


class SigningSecretLine(BaseModel):
    """A secret without its value."""

    secret_id: str
    signature: Signature
    not_before: Instant
    not_after: Instant | None


class SigningSecretPage(BaseModel):
    """Secrets of an endpoint."""

    items: list[SigningSecretLine]


class SendExample(_Request):
    """Which example to send."""

    type: TypeName | None = Field(
        default=None, description="Default: the first type that the endpoint asks for"
    )


class Replayed(BaseModel):
    """How many messages go out again."""

    messages: int


class ReplayRange(_Request):
    """Which messages of an endpoint go out again."""

    since: AwareDatetime = Field(description="Events from this instant on", examples=[
        "2026-03-01T02:00:00Z"
    ])  # fmt: skip
    until: AwareDatetime = Field(description="and before this one", examples=[
        "2026-03-02T02:00:00Z"
    ])  # fmt: skip
    state: Literal["exhausted", "delivered", "all"] = Field(
        default="exhausted", description="all: exhausted and delivered; pending ones go out anyhow"
    )


class MessageLine(BaseModel):
    """A message as it stands."""

    message_id: str = Field(description="The `webhook-id`")
    endpoint_id: str
    event_id: str
    type: str
    subject: str
    state: Literal["pending", "delivered", "exhausted"]
    attempts: int
    created_at: Instant
    due_at: Instant | None = Field(description="When it is tried next; null when it is not")


class MessagePage(BaseModel):
    """Messages, those about the newest events first."""

    items: list[MessageLine]
    next_page_token: str | None


class AttemptLine(BaseModel):
    """One attempt."""

    number: int
    at: Instant
    status: int | None
    error: str | None = Field(
        description="address-refused, name-unknown, connection, tls, timeout, protocol, unsigned, "
        "or status; null: taken"
    )
    took_ms: int
    answer: str = Field(description="The first 4 KiB")


class Message(MessageLine):
    """A message with its body and attempts."""

    body: dict[str, Any]
    tries: list[AttemptLine]
