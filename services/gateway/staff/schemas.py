"""HTTP models of staff and sessions, with examples."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.gateway.schemas import Asked, Instant
from services.gateway.staff.model import RoleName
from services.gateway.staff.rules.roles import PERMISSIONS
from shared.ids import BODY
from shared.levels import FieldLevel

Email = Annotated[
    str,
    Field(
        min_length=3,
        max_length=254,
        pattern=r"^[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
        examples=["li@shop.example"],
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=100, examples=["Li Wei"])]
Locale = Annotated[str, Field(pattern="^[a-z]{2}(-[A-Z]{2})?$", examples=["zh-CN"])]
Password = Annotated[str, Field(min_length=1, max_length=200)]
Token = Annotated[str, Field(min_length=43, max_length=43, pattern="^[A-Za-z0-9_-]+$")]
Code = Annotated[str, Field(min_length=6, max_length=32, examples=["123456"])]
Permission = Annotated[str, Field(examples=["members.read"])]
RoleId = Annotated[str, Field(pattern=f"^rol_{BODY}$")]
"""A role of a program's own."""


class Setup(BaseModel):
    """What the console needs to know before anybody has signed in."""

    owner: bool = Field(description="Whether the installation has an owner")
    oidc: bool = Field(description="Whether one can sign in by a provider")
    password: bool = Field(description="Whether more than one emergency owner can by password")


class NewOwner(Asked):
    """The first owner, by the link that the start printed."""

    token: Token
    email: Email
    password: Password
    name: Name
    locale: Locale = "zh-CN"


class LogIn(Asked):
    """Who signs in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"email": "li@shop.example", "password": "correct horse battery"}
        },
    )

    email: str = Field(min_length=1, max_length=254)
    password: Password
    code: Code | None = Field(default=None, description="Of the authenticator app, or for recovery")


class AcceptInvitation(Asked):
    """Who takes an invitation."""

    token: Token
    password: Password
    code: Code | None = Field(
        default=None, description="Of the second factor, where there is one from before"
    )


class ChangePassword(Asked):
    """Another password."""

    old: Password
    new: Password


class GiveCode(Asked):
    """A code of the authenticator app, or for recovery."""

    code: Code


class Mfa(BaseModel):
    """The second factor."""

    enrolled: bool
    required: bool = Field(description="Mandatory for a role: nothing is permitted without it")
    stepped_up_until: Instant | None = Field(
        description="Until then what is grave needs no other code"
    )


class Fields(BaseModel):
    """What is seen of people: hidden, masked, masked until revealed, clear."""

    contact: FieldLevel = Field(description="Phone, name, e-mail")
    private: FieldLevel = Field(description="Birth, income, notes")


class Reached(BaseModel):
    """A program, and what may be done there."""

    program_id: str
    name: str
    currency: str
    time_zone: str
    status: str
    roles: list[str]
    permissions: list[str]
    stores: list[str] = Field(description="Ids, or * alone: all of them")
    fields: Fields


class Session(BaseModel):
    """A session as its owner sees it."""

    session_id: str
    staff_id: str
    email: str
    name: str
    locale: str
    csrf_token: str = Field(description="Goes with every change as the header Shuke-CSRF")
    expires_at: Instant
    idle_expires_at: Instant
    mfa: Mfa
    permissions: list[str] = Field(
        description="What is permitted without naming a program: * for the installation's owner"
    )
    programs: list[Reached]


class SessionLine(BaseModel):
    """One of somebody's sessions."""

    session_id: str
    began_at: Instant
    seen_at: Instant
    network: str | None = Field(description="The network that it came from")
    agent: str = Field(description="What the browser calls itself")
    current: bool


class SessionPage(BaseModel):
    """Somebody's sessions."""

    items: list[SessionLine]


class Enrolment(BaseModel):
    """A secret for an authenticator app; it counts once a code of it is given."""

    secret: str
    otpauth_url: str
    qr_svg: str


class RecoveryCodes(BaseModel):
    """Codes for who loses the app, shown this once; each is good once."""

    recovery_codes: list[str]


class Role(Asked):
    """A role somewhere."""

    program_id: Annotated[str, Field(pattern=f"^prg_{BODY}$")] | None = Field(
        description="null: in every program"
    )
    role: RoleName | RoleId
    stores: list[Annotated[str, Field(pattern=rf"^(\*|sto_{BODY})$")]] = Field(
        default=["*"], min_length=1, max_length=200
    )


class NewStaff(Asked):
    """Somebody who is invited."""

    email: Email
    name: Name
    locale: Locale = "zh-CN"
    roles: list[Role] = Field(min_length=1, max_length=100)


class ChangeStaff(Asked):
    """What is to be otherwise; what is left out stays as it is. Roles are given whole."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Li Wei"}})

    # A factory's default is not in the schema: there is none, only what is left out.
    name: Name = Field(default_factory=str)
    locale: Locale = Field(default_factory=str)
    status: Literal["active", "disabled"] = Field(default_factory=lambda: "active")
    roles: list[Role] = Field(default_factory=list, max_length=100)


class Staff(BaseModel):
    """Somebody who may sign in."""

    staff_id: str
    email: str
    name: str
    locale: str
    status: str
    mfa_enrolled: bool
    created_at: Instant
    roles: list[Role]


class Invitation(BaseModel):
    """What an invitation is taken with, shown this once."""

    token: str
    expires_at: Instant


class Invited(Staff):
    """Somebody who is invited, with the invitation."""

    invitation: Invitation


class StaffPage(BaseModel):
    """Staff."""

    items: list[Staff]


def _known(value: str) -> str:
    if value not in PERMISSIONS:
        raise ValueError("no such permission")
    return value


Permissions = Annotated[
    list[Annotated[Permission, AfterValidator(_known)]],
    Field(min_length=1, max_length=64),
]
RoleTitle = Annotated[str, Field(min_length=1, max_length=60, examples=["Shift leader"])]


class NewRole(Asked):
    """A role of the program's own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "Shift leader", "permissions": ["members.read"]}},
    )

    name: RoleTitle
    permissions: Permissions
    fields: Fields = Fields(contact="hidden", private="hidden")
    mfa: bool = Field(
        default=False,
        description="Whether it needs a second factor; with grave permissions it does anyway",
    )


class ChangeRole(Asked):
    """What of a role is to be otherwise; what is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "Shift leader"}},
    )

    # A factory's default is not in the schema: there is none, only what is left out.
    name: RoleTitle = Field(default_factory=str)
    permissions: Permissions = Field(default_factory=list)
    fields: Fields = Field(default_factory=lambda: Fields(contact="hidden", private="hidden"))
    mfa: bool = Field(default_factory=bool)


class RoleLine(BaseModel):
    """What a role permits and shows."""

    role: str = Field(description="What is given: a word, or the id of one of the program's own")
    program_id: str | None = Field(description="Whose own it is; null: one of the ten")
    name: str | None = Field(description="Of the program's own ones")
    permissions: list[Permission]
    fields: Fields
    mfa: bool = Field(description="Whether it needs a second factor")


class RolePage(BaseModel):
    """The roles, and every permission that there is."""

    items: list[RoleLine]
    permissions: list[Permission]
