"""What one decision writes and announces, over what the batch knows. A builder, not a rule."""

from typing import TypeVar
from uuid import UUID

from services.members.model import Link, Member, MembersState, Touched
from shared.events.envelope import Announcement
from shared.flow import Row
from shared.programs import Program

R = TypeVar("R", bound=Row)


class Draft:
    """Rows and events of one decision; reading goes through what it wrote already."""

    def __init__(self, state: MembersState, program: Program, cause: UUID) -> None:
        self.state = state
        self.program = program
        self.cause = cause
        """Id of the event or command."""
        self.events: list[Announcement] = []
        self._rows: dict[tuple[type, object], Row] = {}

    @property
    def rows(self) -> list[Row]:
        """Everything written, each row once in its last form."""
        return list(self._rows.values())

    def put(self, row: Row) -> None:
        """Write a row; its last form counts."""
        self._rows[type(row), row.key] = row

    def written(self, kind: type[R]) -> list[R]:
        """Rows of a class that this decision wrote."""
        return [row for (written, _), row in self._rows.items() if written is kind]  # type: ignore[misc]

    def links_of(self, customer_id: UUID) -> list[Link]:
        """A customer's links."""
        group = (self.program.id, customer_id)
        found = {link.key: link for link in self.state.links.of("customer", group)}
        found |= {row.key: row for row in self.written(Link) if row.customer_id == customer_id}
        return list(found.values())

    def member(self, identity: UUID) -> Member | None:
        """A member by id."""
        key = (self.program.id, identity)
        found = {row.key: row for row in self.written(Member)}
        return found.get(key) or self.state.members.get(key)

    def touch(self, identity: UUID) -> None:
        """Derive a member's tiers at the end of the batch."""
        self.put(Touched(self.program.id, identity, self.cause))
