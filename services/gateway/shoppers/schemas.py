"""HTTP models of shoppers, with examples."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.schemas import Asked, Instant
from shared.ids import BODY

ProgramId = Annotated[str, Field(pattern=f"^prg_{BODY}$")]
Phone = Annotated[str, Field(min_length=5, max_length=40, examples=["138 0013 8000"])]
Code = Annotated[str, Field(pattern="^[0-9]{6}$", examples=["123456"])]
_PROGRAM = "prg_agojyzjeabykvaaaaaaaaaaaae"


class Centre(BaseModel):
    """The face of a program's member centre."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "program_id": _PROGRAM,
                "name": "熟客小店",
                "currency": "CNY",
                "timezone": "Asia/Shanghai",
                "codes": True,
                "decoration": None,
            }
        }
    )

    program_id: str
    name: str
    currency: str
    timezone: str
    codes: bool = Field(description="Whether codes can be sent to phones")
    decoration: dict[str, Any] | None = Field(description="As the shop has decorated it")


class AskCode(Asked):
    """A phone that is to get a code."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"program_id": _PROGRAM, "phone": "138 0013 8000"}},
    )

    program_id: ProgramId
    phone: Phone


class CodeSent(BaseModel):
    """A code is on its way."""

    expires_at: Instant
    next_at: Instant = Field(description="Before that the phone gets no other one")
    code: str | None = Field(description="The code itself, where the installation is on trial")


class ByCode(Asked):
    """Who comes by the code that their phone got."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"program_id": _PROGRAM, "phone": "138 0013 8000", "code": "123456"}
        },
    )

    program_id: ProgramId
    phone: Phone
    code: Code


class ByToken(Asked):
    """Who comes from a shop, with its word for who they are."""

    program_id: ProgramId
    token: Annotated[str, Field(min_length=1, max_length=4_096)]


class MemberSession(BaseModel):
    """A session of a shopper."""

    session_id: str
    csrf_token: str = Field(description="Header Shuke-CSRF of each change")
    program_id: str
    state: Literal["member", "eligible"] = Field(description="eligible: may ask to join")
    member_id: str | None
    phone_proven: bool = Field(description="Whether the shopper came by a code")
    today: str = Field(description="The day in the program's time zone", examples=["2026-03-01"])
    checked_in_today: bool
    expires_at: Instant


class Join(Asked):
    """A wish to join, with the terms that were accepted."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"terms": "1", "accepted": True}}
    )

    terms: Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9._-]+$")] = Field(
        description="Version of the terms that were shown"
    )
    accepted: Literal[True] = Field(description="Nobody joins without")


class CheckedIn(BaseModel):
    """The day that is checked in."""

    day: str = Field(examples=["2026-03-01"])
    already: bool = Field(description="It was before")


class Agree(Asked):
    """What the shopper agrees to, or takes back, by purpose; one is as easy as the other."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"consents": {"marketing-sms": "withdrawn"}, "text_version": "3"}
        },
    )

    consents: dict[
        Annotated[str, Field(pattern="^[a-z]+(-[a-z]+)*$", max_length=40)],
        Literal["granted", "withdrawn"],
    ] = Field(min_length=1, max_length=20)
    text_version: (
        Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[A-Za-z0-9._-]+$")] | None
    ) = Field(default=None, description="Of the text that was shown")


class Agreed(BaseModel):
    """The statement about a purpose that holds."""

    state: Literal["granted", "withdrawn"]
    at: Instant
    text_version: str | None
    channel: str


class Consents(BaseModel):
    """What holds, by purpose."""

    member_id: str
    consents: dict[str, Agreed]


class AskWhole(Asked):
    """A wish to have what is held about oneself; the phone is proven once more."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"phone": "138 0013 8000", "code": "123456"}},
    )

    phone: Phone
    code: Code


class Leave(Asked):
    """A wish to be forgotten; the phone is proven once more."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"phone": "138 0013 8000", "code": "123456"}},
    )

    phone: Phone
    code: Code
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")] = (
        "asked by the member"
    )


class Erasure(BaseModel):
    """A wish to be forgotten that was taken."""

    erasure_id: str
    member_id: str
    state: Literal["open", "cancelled", "done"]
    requested_by: str
    requested_at: Instant
    due_at: Instant = Field(description="Until then it can be taken back")
    erased_at: Instant | None
