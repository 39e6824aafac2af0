"""The ledger in memory: batches through the real decisions, rows kept between them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from msgspec.structs import replace

from services.points.flow import FLOW
from services.points.model import (
    POINTS,
    Account,
    ActivityFact,
    Allocation,
    Customer,
    Entry,
    Lot,
    PointsState,
    Purchase,
    Refund,
    TierSpan,
)
from services.points.rules.explaining import Explanation, Record, explain
from services.points.settings import PointsSettings
from shared.events.envelope import Announcement, Event
from shared.flow import Due, Fold, Input, Row
from shared.ids import uuid_of
from shared.programs import Program
from shared.settings.versions import Versions
from tests.builders.programs import a_program, published, versions

_KINDS = (Customer, Account, TierSpan, Purchase, Refund, Lot, ActivityFact, Entry, Allocation)
R = TypeVar("R", bound=Row)


class Ledger:
    """Everything that points keeps of one program."""

    def __init__(
        self,
        settings: PointsSettings | Versions[PointsSettings] | None = None,
        *,
        program: Program | None = None,
        swept_until: datetime | None = None,
    ) -> None:
        self.program = program or a_program()
        settings = settings or PointsSettings(validity="never")
        self.versions = settings if isinstance(settings, Versions) else versions(settings)
        self.swept_until = swept_until
        self.announced: list[Announcement] = []
        self._rows: dict[type, dict[Any, Any]] = defaultdict(dict)

    def apply(self, *batch: Input) -> Fold:
        """All inputs in one batch; a failing one fails the test."""
        fold = Fold(FLOW, self._load(batch))
        for item in batch:
            fold.take(item)
        fold.conclude()
        assert not fold.failures, fold.failures
        for kind in _KINDS:
            self._rows[kind] |= {row.key: row for row in fold.state.changed(kind)}
        self.announced += fold.events
        return fold

    def sweep(self, boundary: datetime, holder: UUID) -> Fold:
        """The day ended: a holder's due lots lapse."""
        self.swept_until = boundary
        due = Due(self.program.text_id, "expiry", boundary.date().isoformat(), boundary, holder)
        return self.apply(due)

    def publish(self, body: PointsSettings, since: datetime) -> None:
        """A further version of the settings; nothing is settled again by this alone."""
        older = [(each.effective_from, each.body) for each in self.versions.all]
        self.versions = versions(older[0][1], *older[1:], (since, body))

    def rows(self, kind: type[R]) -> list[R]:
        """All rows of a class, in the order in which they came to be."""
        return list(self._rows[kind].values())

    def account(self, holder: UUID) -> Account:
        """A holder's wallet; empty while there is none."""
        fresh = Account(self.program.id, holder, POINTS)
        found: Account = self._rows[Account].get(fresh.key, fresh)
        return found

    def purchase(self, order: str) -> Purchase:
        """An order by its text id."""
        found: Purchase = self._rows[Purchase][self.program.id, uuid_of(order)]
        return found

    def entries(self, holder: UUID) -> list[Entry]:
        """A holder's entries, the first first."""
        mine = [entry for entry in self.rows(Entry) if entry.holder_id == holder]
        return sorted(mine, key=lambda entry: entry.version)

    def explain(self, entry: Entry) -> Explanation | None:
        """How an entry came about."""
        purchase = self._rows[Purchase].get((self.program.id, entry.order_id))
        if purchase is None:
            return None
        refunds = [each for each in self.rows(Refund) if each.order_id == purchase.order_id]
        return explain(
            Record(
                program=self.program,
                entry=entry,
                purchase=purchase,
                refunds=sorted(refunds, key=lambda each: (each.at, each.refund_id)),
                spans=[span for span in self.rows(TierSpan) if span.holder_id == entry.holder_id],
                versions=self.versions,
            )
        )

    def end_state(self) -> dict[str, Any]:
        """What must not depend on the order of arrival: everything but the lists of entries."""
        return {
            "accounts": {
                each.holder_id: (each.balance, each.open, each.debt, each.held)
                for each in self.rows(Account)
                if each.open or each.debt
            },
            "lots": {
                each.lot_id: replace(
                    each, holder_id=each.holder_id if each.granted else UUID(int=0)
                )
                for each in self.rows(Lot)
                if each.granted or each.drawn
            },
            "orders": {
                each.order_id: replace(each, body=replace(each.body, changes=[]))
                for each in self.rows(Purchase)
            },
            "refunds": {each.refund_id: each for each in self.rows(Refund)},
            "check-ins": {
                each.key: replace(each, cause_event=UUID(int=0)) for each in self.rows(ActivityFact)
            },
            "spans": sorted(
                (each.holder_id, each.from_at, each.tier)
                for each in self.rows(TierSpan)
                if each.superseded_by is None
            ),
        }

    def _load(self, batch: Sequence[Input]) -> PointsState:
        marks = {self.program.id: self.swept_until} if self.swept_until else {}
        known = published(self.program, points=self.versions)
        state = PointsState({self.program.text_id: self.program}, known, marks)
        seen = {uuid_of(buyer) for item in batch if (buyer := _buyer(item)) is not None}
        for customer in seen:
            key = (self.program.id, customer)
            self._rows[Customer].setdefault(key, Customer(*key))
        for table, kind in (
            (state.customers, Customer),
            (state.accounts, Account),
            (state.spans, TierSpan),
            (state.purchases, Purchase),
            (state.refunds, Refund),
            (state.lots, Lot),
            (state.facts, ActivityFact),
        ):
            table.read(self._rows[kind].values())
        return state


def _buyer(item: Input) -> str | None:
    return getattr(item.data, "customer_id", None) if isinstance(item, Event) else None
