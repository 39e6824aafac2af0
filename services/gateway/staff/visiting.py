"""Who is signed in, and what the doer of a request is called in the audit."""

from typing import Final
from uuid import UUID

from msgspec import Struct

from services.gateway.staff.model import Session
from services.gateway.visiting import Visit
from shared.audit.deeds import Actor
from shared.ids import text_id

NOBODY: Final = "sign-in"
"""Who acts where it is not known who it is."""


def acting(visit: Visit, staff_id: UUID | None) -> Actor:
    """A staff member, or nobody in particular, as who does something."""
    if staff_id is None:
        return visit.by("system", NOBODY)
    return visit.by("staff", text_id("stf", staff_id))


class SignedIn(Struct, frozen=True):
    """Who is signed in, at this visit."""

    session: Session
    visit: Visit

    @property
    def staff_id(self) -> UUID:
        """Whose session it is."""
        return self.session.staff_id

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return acting(self.visit, self.session.staff_id)
