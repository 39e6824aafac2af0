"""A ledger entry was posted."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.days import Instant
from shared.events.fields import (
    Currency,
    EntryId,
    LotId,
    MemberId,
    OrderId,
    Points,
    SignedMinor,
    Version,
)

EntryKind = Literal[
    "earn", "activity", "grant", "import", "adjust", "correct", "claw-back", "spend", "return",
    "expire", "set-off", "extend", "reinstate", "transfer-out", "transfer-in", "merge-out",
    "merge-in", "write-off",
]  # fmt: skip
BookAccount = Literal["issued", "redeemed", "expired", "reversed", "internal", "none"]
SourceKind = Literal[
    "order", "check-in", "streak", "activity", "grant", "import", "adjustment", "refund", "cancel",
    "tier", "link", "settings", "lot",
]  # fmt: skip


class LotChange(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What the entry did to one lot."""

    lot_id: LotId
    amount: Points
    expires_at: Instant | None = None


class PointsChanged(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One immutable line of the ledger, with the balance after it."""

    member_id: MemberId
    entry_id: EntryId
    version: Version
    """1, 2, 3 … of the member's wallet, without a gap."""
    wallet: Annotated[str, Meta(max_length=40)]
    kind: EntryKind
    account: BookAccount
    amount: Points
    balance: Points
    available: Points
    debt: Points
    value_minor: SignedMinor
    """What the amount is worth by the settings in force, cut toward zero."""
    currency: Currency
    lots: list[LotChange]
    source_kind: SourceKind
    source_id: Annotated[str, Meta(max_length=64)]
    order_id: OrderId | None = None
    rule_version: Annotated[int, Meta(ge=0)] | None = None
