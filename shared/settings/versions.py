"""Documents and their versions, as values. Rules ask what was in force at an instant."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from shared.errors import FieldError

M = TypeVar("M", bound=BaseModel)


class Settings(BaseModel):
    """Base of settings models: frozen, and a misspelled field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Version(Struct, Generic[M], frozen=True):
    """One published version of a document."""

    number: int
    effective_from: datetime
    body: M


class Versions(Struct, Generic[M], frozen=True):
    """The published versions of one document of a program."""

    all: tuple[Version[M], ...] = ()

    def at(self, instant: datetime) -> Version[M] | None:
        """The version in force: of those that had begun, the one that began last."""
        found = None
        for version in self.all:
            if version.effective_from <= instant and (
                found is None
                or (found.effective_from, found.number) <= (version.effective_from, version.number)
            ):
                found = version
        return found

    def numbered(self, number: int) -> Version[M] | None:
        """A version by its number."""
        return next((version for version in self.all if version.number == number), None)


NO_VERSIONS: Final[Versions[Any]] = Versions()


def _nothing(_new: BaseModel, _before: BaseModel | None) -> Sequence[FieldError]:
    return ()


class Document(Struct, Generic[M], frozen=True):
    """A kind of document that a service has: its name, its model, what publishing it checks.

    A name that ends with `/` is a family: `ladder/` holds `ladder/main`, `ladder/spa` …
    """

    name: str
    model: type[M]
    check: Callable[[Any, Any], Sequence[FieldError]] = _nothing
    """New and published body -> what speaks against publishing."""
    resettle: Any = None
    """Page of a sweep that settles again what an older version decided; None: nothing to do."""
    refusing: Any = None
    """Transaction, program's number, body, instant -> what speaks against a draft; None: nothing.

    It is awaited whenever a draft is saved, so that a draft names what there is.
    """
    looking: Any = None
    """State of the app, program's text id, body, instant -> what beside the draft speaks against
    publishing it; None: nothing. It is awaited with no transaction open, since others are asked.
    """
    kept: timedelta | None = None
    """How long a draft is kept after it was saved; None: for good."""

    def ends_at(self, saved_at: datetime) -> datetime | None:
        """When a draft is gone, unless it is saved again; None: never."""
        return None if self.kept is None else saved_at + self.kept

    def matches(self, name: str) -> bool:
        """Whether a document of this name is of this kind."""
        if self.name.endswith("/"):
            rest = name.removeprefix(self.name)
            return rest != name and rest.isidentifier()
        return name == self.name


class Published(Struct, frozen=True):
    """Published documents of some programs, by program and name."""

    documents: Mapping[tuple[int, str], Versions[Any]]

    def of(self, program_id: int, name: str) -> Versions[Any]:
        """Versions of one document; none when it was never published."""
        return self.documents.get((program_id, name), Versions())

    def family(self, program_id: int, prefix: str) -> dict[str, Versions[Any]]:
        """Documents of a family by their name within it."""
        return {
            name.removeprefix(prefix): versions
            for (program, name), versions in sorted(self.documents.items())
            if program == program_id and name.startswith(prefix)
        }
