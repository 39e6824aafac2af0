"""Values of profiles: boxes as they came, what is known of a person, sealed rows."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class ContactBlock(Struct, frozen=True):
    """A box that a shop's event came with, not opened yet."""

    program_id: int
    customer_id: UUID
    event_id: UUID
    at: datetime
    box: str

    @property
    def key(self) -> tuple[int, UUID, UUID]:
        """Program, customer, event."""
        return self.program_id, self.customer_id, self.event_id


class Known(Struct, frozen=True, array_like=True):
    """A value, and when it was told."""

    value: str
    told_at: datetime


Profile = dict[str, Known]
"""By field what was told last."""


class Kept(Struct, frozen=True):
    """A customer's profile as the table holds it, and the key that it is under, wrapped."""

    program_id: int
    customer_id: UUID
    key_id: UUID
    wrapped: bytes
    kek: int
    sealed: bytes | None
    """None: nothing was opened yet."""

    @property
    def key(self) -> tuple[int, UUID]:
        """Program and customer."""
        return self.program_id, self.customer_id
