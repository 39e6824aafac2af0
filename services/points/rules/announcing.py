"""Which events a decision yields: one `points-changed` per entry, none when nothing changed."""

from typing import Final
from uuid import UUID

from services.points.model import WALLETS, EntryKind, SourceKind
from services.points.rules.posting import Posted
from services.points.settings import PointsSettings
from shared.amounts import toward_zero
from shared.days import Instant
from shared.events.envelope import Announcement, Cause
from shared.events.points.points_changed import LotChange, PointsChanged
from shared.ids import text_id
from shared.programs import Program

_SOURCE_PREFIX: Final[dict[int, str]] = {SourceKind.ORDER: "ord", SourceKind.REFUND: "rfd"}
_ACCOUNTS: Final[dict[int, str]] = {
    EntryKind.EARN: "issued",
    EntryKind.ACTIVITY: "issued",
    EntryKind.GRANT: "issued",
    EntryKind.IMPORT: "issued",
    EntryKind.CLAW_BACK: "reversed",
    EntryKind.SPEND: "redeemed",
    EntryKind.RETURN: "redeemed",
    EntryKind.EXPIRE: "expired",
    EntryKind.REINSTATE: "expired",
    EntryKind.WRITE_OFF: "reversed",
    EntryKind.SET_OFF: "none",
    EntryKind.EXTEND: "none",
}


def book_account(kind: int, amount: int) -> str:
    """Account of the book that an entry belongs to: issued, redeemed, expired and so on."""
    if kind in {EntryKind.CORRECT, EntryKind.ADJUST}:
        return "issued" if amount > 0 else "reversed"
    return _ACCOUNTS.get(kind, "internal")


def source_text(kind: int, source_id: UUID) -> str:
    """Text id of an entry's source: the order's, the refund's, else a derived one."""
    return text_id(_SOURCE_PREFIX.get(kind, "src"), source_id)


def worth(points: int, settings: PointsSettings | None) -> int:
    """Minor units that points are worth, cut toward zero, so that a reversal is worth the same."""
    if settings is None:
        return 0
    return toward_zero(points * settings.unit_value, settings.unit_points)


def announce(program: Program, posted: Posted, settings: PointsSettings | None) -> Announcement:
    """The event of an entry. `settings` are those in force at its instant, for its worth."""
    entry, account, lot = posted.entry, posted.account, posted.lot
    member, identity = text_id("mem", entry.holder_id), entry.text_id
    source = source_text(entry.source_kind, entry.source_id)
    order = None
    if entry.order_id is not None:
        order = source if entry.source_id == entry.order_id else text_id("ord", entry.order_id)
    data = PointsChanged(
        member_id=member,
        entry_id=identity,
        version=entry.version,
        wallet=WALLETS[entry.wallet],
        kind=EntryKind(entry.kind).label,  # type: ignore[arg-type]
        account=book_account(entry.kind, entry.amount),  # type: ignore[arg-type]
        amount=entry.amount,
        balance=account.balance,
        available=account.available,
        debt=account.debt,
        value_minor=worth(entry.amount, settings),
        currency=program.currency,
        lots=[
            LotChange(
                lot_id=text_id("lot", lot.lot_id),
                amount=posted.opened,
                expires_at=Instant.of(lot.expires_at) if lot.expires_at else None,
            )
        ],
        source_kind=SourceKind(entry.source_kind).label,  # type: ignore[arg-type]
        source_id=source,
        order_id=order,
        rule_version=entry.rule_version,
    )
    return Announcement(
        data=data,
        program=program.text_id,
        key=member,
        subject=member,
        at=entry.at,
        cause=Cause("entry", identity),
        causation=entry.cause_event,
    )
