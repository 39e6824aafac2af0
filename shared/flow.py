"""The pure heart of a batch: state, decision, and the fold of inputs over state.

`load` reads what the inputs need into a `State`, `decide` looks at it and answers with a
`Decision`, the fold puts the decision's rows into the state, `save` writes what changed. `decide`
itself changes nothing and awaits nothing, so what it does for one input can be tried, explained and
tested without a database.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from shared.events.envelope import Announcement, Event
from shared.ids import derive
from shared.outcome import Outcome
from shared.programs import Program

if TYPE_CHECKING:
    from shared.db.transaction import Tx


class Row(Protocol):
    """A row of a table as a value; its attributes are named as the columns."""

    @property
    def key(self) -> Hashable:
        """What identifies the row within its table."""
        ...


R = TypeVar("R", bound=Row)


Group = Callable[[Any], Hashable]


class Rows(dict[Any, R]):
    """Rows of one kind that a batch has read or made, by key; knows which of them changed.

    Named groups find rows by something else than their key, e.g. the refunds of an order.
    """

    __slots__ = ("_changed", "_groups", "_stored")

    def __init__(self, **groups: Group) -> None:
        super().__init__()
        self._stored: set[Hashable] = set()
        self._changed: dict[Hashable, None] = {}
        self._groups: dict[str, tuple[Group, dict[Hashable, dict[Hashable, None]]]] = {
            name: (group, {}) for name, group in groups.items()
        }

    def read(self, rows: Iterable[R]) -> None:
        """Add rows as they are stored."""
        for row in rows:
            key = row.key
            self._take(key, row)
            self._stored.add(key)

    def put(self, row: R) -> None:
        """Take a row that the fold made or changed."""
        key = row.key
        self._take(key, row)
        self._changed[key] = None

    def of(self, group: str, value: Hashable) -> list[R]:
        """Rows of a group, in the order in which they came."""
        found = self._groups[group][1].get(value)
        return [self[key] for key in found] if found else []

    @property
    def changed(self) -> list[R]:
        """Rows to write, one per key."""
        return [self[key] for key in self._changed]

    @property
    def made(self) -> list[R]:
        """Of the rows to write those that are not stored yet."""
        return [self[key] for key in self._changed if key not in self._stored]

    @property
    def altered(self) -> list[R]:
        """Of the rows to write those that are stored otherwise."""
        return [self[key] for key in self._changed if key in self._stored]

    def _take(self, key: Hashable, row: R) -> None:
        before = self.get(key) if self._groups else None
        for group, found in self._groups.values():
            value = group(row)
            if before is not None:
                was = group(before)
                if was == value:
                    continue
                found[was].pop(key, None)
            found.setdefault(value, {})[key] = None
        self[key] = row


class State:
    """What a batch knows. A service adds one `Rows` per table and registers its row class."""

    def __init__(self, programs: Mapping[str, Program]) -> None:
        self.programs = programs
        self._tables: dict[type, Rows[Any]] = {}

    def table(self, kind: type[R], **groups: Group) -> Rows[R]:
        """Register a class of rows, with the groups by which it is looked up."""
        self._tables[kind] = rows = Rows[R](**groups)
        return rows

    def put(self, row: Row) -> None:
        """Take a row of any registered class."""
        self._tables[type(row)].put(row)

    def changed(self, kind: type[R]) -> list[R]:
        """Rows of a class that the fold made or changed."""
        return self._tables[kind].changed


class Command(Struct, frozen=True):
    """What a caller asks for, as a value: decided by the same rules as an event."""

    id: UUID
    """Derived from program, caller, route and idempotency key."""
    program: str
    time: datetime
    """When it was accepted."""
    caller: str
    data: Any


class Due(Struct, frozen=True):
    """A boundary passed for something: a synthetic event of a sweep, one per key."""

    program: str
    kind: str
    """The sweep's name."""
    day: str
    """The local day that ended, or what the sweep was made for."""
    time: datetime
    """The boundary: everything due at or before it."""
    key: Any
    data: Any = None
    """What the page read besides the key."""

    @property
    def id(self) -> UUID:
        """The same boundary for the same key gives the same id."""
        return derive("due", self.program, self.kind, self.day, str(self.key))


Input = Event | Command | Due


class Decision(Struct, frozen=True):
    """What became of an input: the outcome, rows to write, events to send, an answer."""

    outcome: Outcome
    rows: Sequence[Row] = ()
    events: Sequence[Announcement] = ()
    answer: Any = None
    """What a command's caller is told."""


S = TypeVar("S", bound=State)
Load = Callable[["Tx", Sequence[Input], Mapping[str, Program]], Awaitable[Any]]
Decide = Callable[[Any, Input], Decision]
Conclude = Callable[[Any], Sequence[Decision]]
Save = Callable[["Tx", Any], Awaitable[None]]


class Flow(Struct, frozen=True):
    """The one path of a service, for events, commands and sweeps alike."""

    load: Load
    decide: Decide
    save: Save
    conclude: Conclude | None = None
    """Decides once per batch what many inputs asked for together (one tier event per member)."""
    counters: bool = False
    """Whether `save` takes from conditional counters, and may raise Shortage."""


class Failure(Struct, frozen=True):
    """An input that `decide` could not handle."""

    input: Input
    error: Exception


class Fold:
    """Inputs taken one after the other; a raising `decide` leaves the state as it was."""

    def __init__(self, flow: Flow, state: State) -> None:
        self._flow = flow
        self.state = state
        self.outcomes: dict[UUID, Outcome] = {}
        self.failures: list[Failure] = []
        self.events: list[Announcement] = []
        self.answer: Any = None
        self.seconds: dict[str, float] = {}
        """How long each stage took, this one among them."""

    def take(self, item: Input) -> None:
        """Decide one input and put its rows into the state."""
        try:
            decision = self._flow.decide(self.state, item)
        except Exception as error:  # noqa: BLE001 - names the culprit; the batch goes on
            self.failures.append(Failure(item, error))
            return
        self._keep(decision)
        self.outcomes[item.id] = decision.outcome
        self.answer = decision.answer

    def conclude(self) -> None:
        """Decide what is left to the end of the batch. An error here is the whole batch's."""
        if self._flow.conclude is not None:
            for decision in self._flow.conclude(self.state):
                self._keep(decision)

    def _keep(self, decision: Decision) -> None:
        for row in decision.rows:
            self.state.put(row)
        self.events.extend(decision.events)
