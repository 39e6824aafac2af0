"""A record could not be applied and was set aside. Tells where and why, never its content."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

QuarantineClass = Literal["undecodable", "invalid", "conflict", "parked", "failed"]


class EventQuarantined(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A record was set aside in the quarantine of a service."""

    quarantine_id: Annotated[str, Meta(max_length=40)]
    klass: QuarantineClass = field(name="class")
    reason: Annotated[str, Meta(max_length=500)]
    topic: Annotated[str, Meta(max_length=100)]
    partition: Annotated[int, Meta(ge=0)]
    offset: Annotated[int, Meta(ge=0)]
    event_id: Annotated[str, Meta(max_length=40)] | None = None
