"""Positions of a team and trainings, and what follows from them. Pure.

The template is what a shop's service team usually is: a manager, two who answer customers, a
designer, an editor, somebody who delivers.

>>> vacant_of_template(["service", "editor"])
['manager', 'service', 'designer', 'delivery']
>>> vacant_of_template(TEMPLATE)
[]
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

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


class Training(Struct, frozen=True):
    """What somebody is to learn until a day."""

    training_id: UUID
    staff_id: UUID
    topic: str
    due_on: date
    """The last day, included."""
    passed_on: date | None

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
