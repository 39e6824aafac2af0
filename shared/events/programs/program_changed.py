"""A program was made or changed: what every service must know of it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.events.fields import Currency, Text, Version

ProgramStatus = Literal["setting-up", "open", "paused", "closed", "deleting", "deleted"]


class ProgramChanged(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """State of a program after a change. A `version` not above the consumer's own is ignored."""

    name: Text
    time_zone: Annotated[str, Meta(max_length=64, description="IANA name; days are its days")]
    currency: Currency
    default_region: Annotated[
        str, Meta(pattern="^[A-Z]{2}$", description="Region of phone numbers")
    ]
    locale: Annotated[str, Meta(max_length=16, description="BCP 47, default language")]
    status: ProgramStatus
    version: Version
