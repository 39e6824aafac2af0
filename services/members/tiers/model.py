"""Values of tiers: facts that count, where a member stands, segments of the timeline."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class TierFact(Struct, frozen=True):
    """Something that counts for tiers: an order at its completion, or what a refund takes back."""

    program_id: int
    member_id: UUID
    fact_key: UUID
    """The order, the refund, or what stands for a cancellation; never an event."""
    kind: str
    """`order` or `refund`."""
    at: datetime
    order_id: UUID
    order_at: datetime
    amount: int
    """Minor units; of a refund negative."""
    orders: int

    @property
    def key(self) -> tuple[int, UUID, UUID]:
        """Program, member, fact."""
        return self.program_id, self.member_id, self.fact_key


class TierStanding(Struct, frozen=True):
    """Where a member stands on a ladder after all facts: enough to go on without reading them."""

    program_id: int
    member_id: UUID
    ladder: str
    start_at: datetime
    """Since when the member is one."""
    amount: int
    orders: int
    tier: str
    pinned: int
    """Version of the ladder that judges until the next order."""
    last_at: datetime
    last_rank: int
    last_key: UUID | None
    """Place of the last fact in the order of facts."""
    revision: int
    """Of the last `tier-changed`."""
    reached: tuple[str, ...]
    """Tiers ever held, in any revision."""

    @property
    def key(self) -> tuple[int, UUID, str]:
        """Program, member, ladder."""
        return self.program_id, self.member_id, self.ladder


class TierSegment(Struct, frozen=True):
    """From an instant on a tier is in force. Rewritten segments stay, marked."""

    program_id: int
    member_id: UUID
    ladder: str
    revision: int
    no: int
    from_at: datetime
    tier: str
    rank: int
    pay_bp: int
    phase: str
    cause_kind: str
    cause_id: str | None
    version: int
    superseded_by: int | None = None

    @property
    def key(self) -> tuple[int, UUID, str, int, int]:
        """Program, member, ladder, revision, number within it."""
        return self.program_id, self.member_id, self.ladder, self.revision, self.no
