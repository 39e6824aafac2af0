"""HTTP models of people, with examples."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.members.consent.model import Evidence, Purpose, State
from shared.http.held import HeldRows
from shared.ids import BODY

Instant = Annotated[str, Field(examples=["2026-03-01T02:00:00.000Z"])]
FieldName = Literal["name", "phone", "email", "birthday", "sex", "province", "city", "language"]


class Profile(BaseModel):
    """What is known of a person, as far as the caller may see it; what is unknown is left out."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    birthday: str | None = None
    sex: str | None = None
    province: str | None = None
    city: str | None = None
    language: str | None = None


class RevealRequest(BaseModel):
    """Which fields are to be seen whole, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"fields": ["phone"], "reason": "calls about a lost parcel"}},
    )

    fields: list[FieldName] = Field(min_length=1, max_length=8)
    reason: str = Field(min_length=1, max_length=500, pattern=r"\S")


class Revealed(BaseModel):
    """The fields that are known, whole."""

    member_id: str
    profile: Profile


class ErasureRequest(BaseModel):
    """Who asks that a member be forgotten, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"requested_by": "member", "reason": "asked by e-mail"}},
    )

    requested_by: Literal["member", "guardian", "staff", "authority"]
    reason: str = Field(min_length=1, max_length=500, pattern=r"\S")


class ErasureProposed(BaseModel):
    """What the gateway answers staff with: the erasure waits for a second person."""

    approval_id: str = Field(pattern=f"^apr_{BODY}$")


class ErasureAnswer(BaseModel):
    """A wish that a member be forgotten, and what became of it."""

    erasure_id: str = Field(pattern=f"^ers_{BODY}$")
    member_id: str
    state: Literal["open", "cancelled", "done"]
    requested_by: str
    requested_at: Instant
    due_at: Instant
    """Until then it can be taken back; it is carried out at the end of that day or the next."""
    erased_at: Instant | None


class ErasurePage(BaseModel):
    """Erasures that were asked for, the latest first."""

    items: list[ErasureAnswer]


TextVersion = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9._-]+$")]


class Said(BaseModel):
    """What a member says about a purpose, as staff record it."""

    model_config = ConfigDict(extra="forbid")

    purpose: Purpose
    state: State
    channel: Literal["counter", "staff", "shop"] = Field(description="Where it was said")
    text_version: TextVersion | None = Field(default=None, description="Of the text shown")
    evidence: Evidence | None = Field(default=None, description="What shows it")
    at: AwareDatetime | None = Field(default=None, description="When it was said; default: now")


class ConsentRequest(BaseModel):
    """What a member agrees to, or takes back."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "statements": [
                    {
                        "purpose": "marketing-sms",
                        "state": "granted",
                        "channel": "counter",
                        "text_version": "3",
                        "evidence": "signed-form",
                    }
                ]
            }
        },
    )

    statements: list[Said] = Field(min_length=1, max_length=20)


class ConsentHeld(BaseModel):
    """The statement about a purpose that holds."""

    state: State
    at: Instant
    text_version: str | None
    channel: str


class Consents(BaseModel):
    """What holds, by purpose; of a purpose that is not there nothing was ever said."""

    member_id: str
    consents: dict[str, ConsentHeld]


class ConsentLine(ConsentHeld):
    """A statement as it was recorded."""

    purpose: str
    evidence: str | None
    said_to: str = Field(description="Who recorded it")


class ConsentLedger(Consents):
    """What holds, and every statement, the latest last."""

    items: list[ConsentLine]


class ResolveRequest(BaseModel):
    """Whom a message is for, by which channel and for what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "member_ids": ["mem_v6exiz6pzobhrhkmmurlr3jugy"],
                "channel": "sms",
                "purpose": "marketing-sms",
            }
        },
    )

    member_ids: list[Annotated[str, Field(pattern=f"^mem_{BODY}$")]] = Field(
        min_length=1, max_length=500
    )
    channel: Literal["sms", "phone", "email"]
    purpose: Literal["marketing-sms", "marketing-phone", "marketing-email", "birthday-care"]

    @model_validator(mode="after")
    def _of_one_channel(self) -> Self:
        if self.purpose.startswith("marketing-") and self.purpose != f"marketing-{self.channel}":
            raise ValueError("the purpose is of another channel")
        return self


class Resolved(BaseModel):
    """A member's address, or why there is none."""

    member_id: str
    address: str | None
    refused: Literal["not-found", "consent-missing", "address-unknown"] | None


class ResolvedAddresses(BaseModel):
    """Addresses in the order of the question. They are to be kept nowhere."""

    items: list[Resolved]


class Whole(HeldRows):
    """Everything about a member, and the customers that they are."""

    customers: list[str]


class AccessFile(BaseModel):
    """A file about a member, and until when it may be taken."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"content": "UEsFBg==", "expires_at": "2026-03-08T02:00:00Z"}
        },
    )

    content: str = Field(min_length=1, description="base64")
    expires_at: AwareDatetime


class KeptFile(BaseModel):
    """A file about a member."""

    content: str = Field(description="base64")
