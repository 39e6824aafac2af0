"""When too much cannot be used: a program is set aside for a topic, or the topic stands still.

Pure: what a batch came to goes in, a judgement comes out. Counted since the process started.

| of | bad | then |
|---|---|---|
| a program's records of a topic | 200 in a row | the program is parked for the topic |
| the same | over 5 % of its last 2,000, once there are so many | the same |
| a topic's records | 95 % of its last 2,000 unreadable, at least 1,000 | its partitions halt |
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, TypeVar

from msgspec import Struct, field

WINDOW: Final = 2_000
IN_A_ROW: Final = 200
SHARE_PERCENT: Final = 5
UNREADABLE_LEAST, UNREADABLE_PERCENT = 1_000, 95

K = TypeVar("K", bound=Hashable)
Run = tuple[int, bool]
"""So many records one after the other, and whether they were bad."""


class Window:
    """The last records of a program or a topic: how many were bad, how many in a row at the end."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs: deque[Run] = deque()
        self.seen = 0
        self.bad = 0
        self.in_a_row = 0
        self.add(runs)

    def add(self, runs: Iterable[Run]) -> None:
        """Take what came next, and forget what is further back than the window."""
        for count, bad in runs:
            self._runs.append((count, bad))
            self.seen += count
            self.bad += count if bad else 0
            self.in_a_row = self.in_a_row + count if bad else 0
            self._forget()

    def _forget(self) -> None:
        while self.seen > WINDOW:
            count, bad = self._runs.popleft()
            gone = min(count, self.seen - WINDOW)
            if gone < count:
                self._runs.appendleft((count - gone, bad))
            self.seen -= gone
            self.bad -= gone if bad else 0

    def after(self, runs: Iterable[Run]) -> "Window":
        """This window with what came next; itself it stays as it is."""
        later = Window(self._runs)
        later.in_a_row = self.in_a_row
        later.add(runs)
        return later

    @property
    def parks(self) -> bool:
        """Whether a program is to be set aside."""
        often = self.seen == WINDOW and self.bad * 100 > SHARE_PERCENT * WINDOW
        return self.in_a_row >= IN_A_ROW or often

    @property
    def halts(self) -> bool:
        """Whether a topic is to stand still."""
        return self.bad >= UNREADABLE_LEAST and self.bad * 100 >= UNREADABLE_PERCENT * self.seen


class Seen(Struct):
    """What a batch came to: runs by program and topic, and by topic.

    Of a program bad is what could not be read or failed; of a topic only the unreadable.
    """

    programs: dict[tuple[str, str], list[Run]]
    topics: dict[str, list[Run]]
    parked: set[tuple[str, str]] = field(default_factory=set)
    """Programs that are set aside for a topic, by this worker or another."""


class Judgement(Struct, frozen=True):
    """What is beyond its limit."""

    park: frozenset[tuple[str, str]]
    """Programs and the topics for which they are to be set aside."""
    halt: frozenset[str]
    """Topics that are to stand still."""


class Limits:
    """The windows of one pipeline."""

    def __init__(self) -> None:
        self._programs: dict[tuple[str, str], Window] = {}
        self._topics: dict[str, Window] = {}

    def judge(self, seen: Seen) -> Judgement:
        """What would be beyond its limit with this batch. Nothing is kept."""
        return Judgement(
            _beyond(self._programs, seen.programs, lambda window: window.parks),
            _beyond(self._topics, seen.topics, lambda window: window.halts),
        )

    def keep(self, seen: Seen) -> None:
        """The batch is committed."""
        for key, runs in seen.programs.items():
            self._programs.setdefault(key, Window()).add(runs)
        for topic, runs in seen.topics.items():
            self._topics.setdefault(topic, Window()).add(runs)
        for key in seen.parked:
            self.begin_anew(*key)

    def begin_anew(self, program: str, topic: str) -> None:
        """A program was set aside: what it sent before counts no more."""
        self._programs.pop((program, topic), None)


def _beyond(
    windows: Mapping[K, Window], seen: Mapping[K, list[Run]], beyond: Callable[[Window], bool]
) -> frozenset[K]:
    """What would be beyond a limit; only where something bad has just come."""
    return frozenset(
        key
        for key, runs in seen.items()
        if any(bad for _, bad in runs) and beyond(windows.get(key, Window()).after(runs))
    )
