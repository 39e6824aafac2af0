"""What a merchant may set of joining. Versioned per program."""

from typing import Annotated, Final, Literal

from pydantic import Field

from shared.ids import BODY
from shared.settings.versions import Document, Settings


class JoinRoute(Settings):
    """One way to join; any that is enabled suffices (capability row 1)."""

    route: Literal["open", "auto-first-order"] = Field(description="How one joins")
    first_order_counts: bool = Field(
        default=True, description="The order that joins earns points itself"
    )
    effective: Literal["immediate", "next-local-day"] = Field(
        default="immediate", description="From when the membership is in force"
    )
    stores: tuple[Annotated[str, Field(pattern=rf"^(\*|sto_{BODY})$")], ...] = Field(
        default=("*",), min_length=1, description="Stores where it holds; * for all"
    )

    def holds_in(self, store_id: str) -> bool:
        """Whether the route is open in a store."""
        return "*" in self.stores or store_id in self.stores


class JoinSettings(Settings):
    """How customers become members."""

    routes: tuple[JoinRoute, ...] = Field(
        default=(), max_length=8, description="Ways to join: route, stores, what counts"
    )

    def route(self, name: str, store_id: str) -> JoinRoute | None:
        """The enabled route of this name in a store."""
        return next(
            (each for each in self.routes if each.route == name and each.holds_in(store_id)), None
        )


JOIN: Final = Document("join", JoinSettings)
