"""Positions of a team and trainings, and what follows from them. Pure.

The template is what a shop's service team usually is: a manager, two who answer customers, a
designer, an editor, somebody who delivers.

>>> vacant_of_template(["service", "editor"])
['manager', 'service', 'designer', 'delivery']
>>> vacant_of_template(TEMPLATE)
[]
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct

from shared.ids import text_id

Title = Literal["manager", "service", "designer", "editor", "delivery"]
TEMPLATE: Final[tuple[Title, ...]] = (
    "manager", "service", "service", "designer", "editor", "delivery",
)  # fmt: skip
MOST: Final = 200
"""Positions of a program."""


class Position(Struct, frozen=True):
    """A place in the team; a title says what somebody does, not what they may."""

    position_id: UUID
    title: Title
    staff_id: UUID | None
    """Who fills it; None: it is vacant."""

    @property
    def text_id(self) -> str:
        """Its id as it is told."""
        return text_id("pos", self.position_id)

    @property
    def values(self) -> Mapping[str, Any]:
        """What it is, as it is told and put on record."""
        holder = None if self.staff_id is None else text_id("stf", self.staff_id)
        return {"title": self.title, "staff_id": holder}


class Training(Struct, frozen=True):
    """What somebody is to learn until a day."""

    training_id: UUID
    staff_id: UUID
    topic: str
    due_on: date
    """The last day, included."""
    passed_on: date | None

    @property
    def text_id(self) -> str:
        """Its id as it is told."""
        return text_id("trn", self.training_id)

    @property
    def values(self) -> Mapping[str, Any]:
        """What it is, as it is told and put on record."""
        return {
            "staff_id": text_id("stf", self.staff_id),
            "topic": self.topic,
            "due_on": self.due_on,
            "passed_on": self.passed_on,
        }

    def overdue(self, today: date) -> bool:
        """Whether its day is over and it was not passed."""
        return self.passed_on is None and self.due_on < today


def vacant_of_template(titles: Iterable[Title]) -> list[Title]:
    """What of the template a team does not have yet, in the template's order."""
    have = Counter(titles)
    missing: list[Title] = []
    for title in TEMPLATE:
        if have[title]:
            have[title] -= 1
        else:
            missing.append(title)
    return missing
