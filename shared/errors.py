"""The exceptions of Shuke, drawn as a tree.

    ShukeError
    ├── Undecodable      a record on the log is not an event; it goes to quarantine
    ├── Fenced           somebody else claimed the partition; nothing was written
    ├── Shortage         a conditional counter gave less than the fold took; decide again
    ├── Beyond           too much of a program or topic cannot be used; nothing was written
    ├── Stuck            the log's reader does not recover; the process must be started anew
    ├── Unavailable      something Shuke depends on is away; retry later
    ├── Misconfigured    the process must not start, or an operator must act
    └── HttpProblem      an answer of RFC 9457

A rule never raises for a business refusal: it returns `Refused` (shared/outcome.py).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal


class ShukeError(Exception):
    """Root of all errors that Shuke raises on purpose."""


class Undecodable(ShukeError):
    """A record cannot be read as an event.

    `kind` is its class in quarantine: `undecodable` (not JSON, too deep, too large), `invalid`
    (envelope, schema, version, id or time), or `failed` (it breaks whatever batch it is in).
    """

    def __init__(self, kind: Literal["undecodable", "invalid", "failed"], reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason


class Fenced(ShukeError):
    """The partitions named were claimed by another worker, or their position moved."""

    def __init__(self, partitions: Collection[tuple[str, int]], reason: str) -> None:
        super().__init__(f"fenced ({reason}): {sorted(partitions)}")
        self.partitions = frozenset(partitions)
        self.reason = reason


class Shortage(ShukeError):
    """Counters that gave no row back: key of the counter -> what is left of it now."""

    def __init__(self, left: Mapping[object, int]) -> None:
        super().__init__(f"short of {len(left)} counter(s)")
        self.left = dict(left)


class Beyond(ShukeError):
    """Programs to set aside for a topic, and topics to stand still, before the batch is applied."""

    def __init__(self, programs: Collection[tuple[str, str]], topics: Collection[str]) -> None:
        super().__init__(f"beyond a limit: {sorted(programs)} {sorted(topics)}")
        self.programs = sorted(programs)
        self.topics = frozenset(topics)


class Stuck(ShukeError):
    """Reading the log has stopped, and making the reader anew did not help."""


class Unavailable(ShukeError):
    """The database, the log or a service is away for now."""


class Misconfigured(ShukeError):
    """What was configured cannot work; the message says what to do."""


class FieldError:
    """One entry of a problem's `errors`."""

    __slots__ = ("code", "message", "pointer")

    def __init__(self, pointer: str, code: str, message: str) -> None:
        self.pointer = pointer
        self.code = code
        self.message = message

    def as_dict(self) -> dict[str, str]:
        """The entry as RFC 9457 extension member."""
        return {"pointer": self.pointer, "code": self.code, "message": self.message}


class HttpProblem(ShukeError):
    """An error answer: status, stable code, what happened in words, fields concerned."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
