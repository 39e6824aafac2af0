"""Posting: entries onto a wallet. Running balance, gapless version, lots that add up.

An award that changes moves the balance by exactly the difference of what its lot was granted: what
is still there opens or closes, what was drawn already becomes `short`, which is debt.

| lot before | granted now | entry | open | short |
|---|---|---|---|---|
| granted 100, drawn 0 | 60 | −40 | 60 | 0 |
| granted 100, drawn 80 by spending | 60 | −40 | 0 | 20 |
| granted 100, drawn 100 by expiry | 60 | −40 and +40 (its expiry taken back) | 0 | 0 |
"""

from collections.abc import Collection, Hashable
from datetime import datetime
from typing import Final, TypeVar, cast
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.points.model import (
    Account,
    Allocation,
    Entry,
    EntryKind,
    Lot,
    LotState,
    PointsState,
    SourceKind,
)
from shared.days import render
from shared.flow import Row
from shared.ids import derive, text_id

R = TypeVar("R", bound=Row)
_NOTHING: Final[dict[Hashable, Row]] = {}


class Source(Struct, frozen=True, gc=False):
    """What an entry says of its cause."""

    kind: SourceKind
    id: UUID
    at: datetime
    """When it happened."""
    cause_event: UUID
    order_id: UUID | None = None
    rule_version: int | None = None
    reason: str | None = None


class Posted(Struct, frozen=True, gc=False):
    """An entry with the account after it, the lot it touched and by how much that opened."""

    entry: Entry
    account: Account
    lot: Lot
    opened: int


def regrant(lot: Lot, granted: int) -> Lot:
    """The lot when its source gives another amount; nothing of what was drawn changes."""
    left = max(lot.held, granted - lot.drawn)
    return replace(
        lot,
        granted=granted,
        open=left,
        short=left - granted + lot.drawn,
        state=LotState.OPEN if left else LotState.CLOSED,
    )


def draw(lot: Lot, amount: int, *, expired: int = 0) -> Lot:
    """The lot after `amount` was drawn from it (negative: given back), of it so much by expiry."""
    drawn = lot.drawn + amount
    left = max(lot.held, lot.granted - drawn)
    return replace(
        lot,
        drawn=drawn,
        expired=lot.expired + expired,
        open=left,
        short=left - lot.granted + drawn,
        state=LotState.OPEN if left else LotState.CLOSED,
    )


class Draft:
    """The pages being written for one decision: rows over the state, entries in order."""

    def __init__(self, state: PointsState) -> None:
        self._state = state
        self._rows: dict[type, dict[Hashable, Row]] = {}
        self.posted: list[Posted] = []

    @property
    def rows(self) -> list[Row]:
        """Everything written, each row once in its last form."""
        return [row for rows in self._rows.values() for row in rows.values()]

    def of(self, kind: type[R]) -> Collection[R]:
        """The rows of a class that were written."""
        return cast("Collection[R]", self._rows.get(kind, _NOTHING).values())

    def put(self, row: Row) -> None:
        """Write a row."""
        kind = type(row)
        if kind not in self._rows:
            self._rows[kind] = {}
        self._rows[kind][row.key] = row

    def account(self, program_id: int, holder_id: UUID, wallet: int) -> Account:
        """The account as this decision has left it."""
        key = (program_id, holder_id, wallet)
        found = self._rows.get(Account, _NOTHING).get(key) or self._state.accounts.get(key)
        return Account(*key) if found is None else cast("Account", found)

    def latest(self, row: R) -> R:
        """A row as this decision has left it."""
        written = self._rows.get(type(row))
        return row if written is None else cast("R", written.get(row.key, row))

    def version(self, lot: Lot) -> int:
        """Version of the account that holds a lot, after what was posted so far."""
        return self.account(lot.program_id, lot.holder_id, lot.wallet).version

    def lot(self, program_id: int, lot_id: UUID) -> Lot | None:
        """A lot as this decision has left it."""
        key = (program_id, lot_id)
        written = self._rows.get(Lot, _NOTHING).get(key)
        return self._state.lots.get(key) if written is None else cast("Lot", written)

    def post(
        self, kind: EntryKind, before: Lot | None, after: Lot, source: Source, *, paid: int = 0
    ) -> Posted:
        """One entry: the difference that a lot makes to its holder's account.

        `paid` is debt that goes away with it: then open and debt fall, the balance does not.
        """
        opened = after.open - (before.open if before else 0)
        lacking = after.short - (before.short if before else 0) - paid
        account = self.account(after.program_id, after.holder_id, after.wallet)
        account = replace(
            account,
            balance=account.balance + opened - lacking,
            open=account.open + opened,
            debt=account.debt + lacking,
            version=account.version + 1,
        )
        entry = Entry(
            program_id=account.program_id,
            holder_id=account.holder_id,
            wallet=account.wallet,
            version=account.version,
            kind=kind,
            amount=opened - lacking,
            balance_after=account.balance,
            at=source.at,
            source_kind=source.kind,
            source_id=source.id,
            order_id=source.order_id,
            cause_event=source.cause_event,
            reason=source.reason,
            rule_version=source.rule_version,
        )
        posted = Posted(entry, account, after, opened)
        self.posted.append(posted)
        self.put(account)
        self.put(entry)
        self.put(after)
        return posted

    def earn(self, lot: Lot, kind: EntryKind, source: Source) -> None:
        """Open a new lot with what its source gives; nothing happens where that is nothing."""
        if lot.granted:
            self.post(kind, None, lot, source)

    def grant(self, lot: Lot, granted: int, kind: EntryKind, source: Source) -> Lot:
        """Make a lot's source give another amount. What expired unspent is not charged again."""
        after = regrant(lot, granted)
        if granted != lot.granted:
            self.post(kind, lot, after, source)
        back = min(after.expired, after.short)
        if back:
            undone = draw(after, -back, expired=-back)
            place = text_id("lot", lot.lot_id)
            identity = derive("expiry-undone", place, source.kind.label, str(source.id))
            undo = replace(source, kind=SourceKind.LOT, id=identity)
            posted = self.post(EntryKind.EXPIRE, after, undone, undo)
            self._allocate(posted, -back)
            after = undone
        return after

    def expire(self, lot: Lot, at: datetime, cause_event: UUID) -> Lot:
        """Let lapse what is open and not held; debt is paid out of it first."""
        identity = derive("expiry", text_id("lot", lot.lot_id), render(at), str(cause_event))
        source = Source(SourceKind.LOT, identity, at, cause_event, lot.order_id)
        left = lot.open - lot.held
        account = self.account(lot.program_id, lot.holder_id, lot.wallet)
        paid = min(left, account.debt)
        if paid:
            after = draw(lot, paid)
            posted = self.post(EntryKind.SET_OFF, lot, after, source, paid=paid)
            self._allocate(posted, paid, -paid)
            lot = after
        if left > paid:
            after = draw(lot, left - paid, expired=left - paid)
            posted = self.post(EntryKind.EXPIRE, lot, after, source)
            self._allocate(posted, left - paid)
            lot = after
        return lot

    def _allocate(self, posted: Posted, from_lot: int, to_debt: int = 0) -> None:
        """Which lot a debit came from, and what of it went to the debt."""
        entry = posted.entry
        parts = [(posted.lot.lot_id, from_lot)] + ([(None, to_debt)] if to_debt else [])
        for number, (lot_id, amount) in enumerate(parts, 1):
            self.put(
                Allocation(
                    entry.program_id,
                    entry.holder_id,
                    entry.wallet,
                    entry.version,
                    number,
                    lot_id,
                    amount,
                )
            )
