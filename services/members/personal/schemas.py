"""HTTP models of people, with examples."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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
