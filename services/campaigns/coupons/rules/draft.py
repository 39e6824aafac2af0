"""What one decision writes and announces, over what the batch knows. A builder, not a rule."""

from typing import Any, TypeVar, cast
from uuid import UUID

from services.campaigns.coupons.model import Coupon, CouponBook, Key, Naming, Template
from shared.events.envelope import Announcement
from shared.flow import Row
from shared.programs import Program

R = TypeVar("R", bound=Row)


class Draft:
    """Rows and events of one decision; reading goes through what it wrote already."""

    def __init__(self, book: CouponBook, program: Program, cause: UUID) -> None:
        self.book = book
        self.program = program
        self.cause = cause
        """Id of the event, command or boundary."""
        self.events: list[Announcement] = []
        self._written: dict[type, dict[Any, Row]] = {}

    @property
    def rows(self) -> list[Row]:
        """Everything written, each row once in its last form."""
        return [row for rows in self._written.values() for row in rows.values()]

    def put(self, row: Row) -> None:
        """Write a row; its last form counts."""
        self._written.setdefault(type(row), {})[row.key] = row

    def latest(self, row: R) -> R:
        """A row as this decision has left it."""
        return cast("R", self._written.get(type(row), {}).get(row.key, row))

    def written(self, kind: type[R]) -> list[R]:
        """Rows of a class that this decision wrote."""
        return cast("list[R]", list(self._written.get(kind, {}).values()))

    def coupon(self, key: Key) -> Coupon | None:
        """A coupon as this decision has left it."""
        written = self._written.get(Coupon, {}).get(key)
        return cast("Coupon", written) if written else self.book.coupons.get(key)

    def template(self, coupon: Coupon) -> Template:
        """What a coupon was made from."""
        key = (coupon.program_id, coupon.template_id)
        written = self._written.get(Template, {}).get(key)
        return cast("Template", written) if written else self.book.templates[key]

    def namings(self, coupon: Key) -> list[Naming]:
        """The orders that name a coupon, the earliest first."""
        found = {row.key: row for row in self.book.namings.of("coupon", coupon)}
        found |= {row.key: row for row in self.written(Naming) if row.coupon == coupon}
        return sorted(found.values(), key=lambda row: (row.at, row.order_id))
