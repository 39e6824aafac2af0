"""What a merchant may set of points: rates, exclusions, caps, expiry, worth."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from shared.amounts import BASIS_POINTS
from shared.errors import FieldError
from shared.settings.versions import Document, Settings

HIGHEST_MULTIPLIER_BP: Final = 100_000
REFUSED_BASE_BP: Final = 5_000
REFUSED_TOP_BP: Final = 10_000

Bp = Annotated[int, Field(ge=0, le=HIGHEST_MULTIPLIER_BP)]


class Exclusions(Settings):
    """What of an order gives no points (row 38)."""

    kinds: tuple[Literal["goods", "fee", "gift-card", "adjustment"], ...] = Field(
        default=("fee", "gift-card", "adjustment"), description="Line kinds that earn nothing"
    )
    skus: tuple[str, ...] = Field(default=(), description="SKUs that earn nothing")
    categories: tuple[str, ...] = Field(default=(), description="Categories that earn nothing")
    stores: tuple[str, ...] = Field(default=(), description="Stores whose orders earn nothing")
    tax: bool = Field(default=True, description="Tax earns nothing")
    shipping: bool = Field(default=True, description="Freight earns nothing")
    points_paid: bool = Field(default=True, description="What was paid with points earns nothing")


class Caps(Settings):
    """Limits of what one order gives."""

    order: int | None = Field(default=None, ge=0, description="Points of one order at most")


class CheckInSettings(Settings):
    """Points for checking in (row 96)."""

    points: int = Field(default=5, ge=0, le=10**6, description="Once per member and local day")
    streaks: tuple[str, ...] = Field(
        default=(), max_length=0, description="Extra points for days in a row; none can be set yet"
    )


class PointsSettings(Settings):
    """The rules of points of a program."""

    unit: int = Field(default=100, ge=1, le=10**9, description="Minor units of one earning unit")
    points_per_unit: int = Field(default=1, ge=1, le=10**6, description="Points of one unit")
    tier_bp: dict[str, Bp] = Field(
        default={
            "ordinary": 10000,
            "silver": 15000,
            "gold": 20000,
            "platinum": 25000,
            "diamond": 30000,
        },
        description="Multiplier of the tier in force strictly before the order; no entry: 10000",
    )
    exclude: Exclusions = Exclusions()
    stacking: Literal["multiply", "highest"] = Field(
        default="multiply", description="How multipliers of several rules combine"
    )
    birthday_bp: Bp = Field(
        default=20000,
        description="Multiplier in the birthday month; no effect while birthdays are not kept",
    )
    caps: Caps = Caps()
    check_in: CheckInSettings = CheckInSettings()
    validity: str = Field(
        default="months:12",
        description="never, days:n, months:n, month-end:n, quarter-end:n, year-end:n",
    )
    min_days: int = Field(
        default=0, ge=0, le=366, description="Period ends nearer than this give one period more"
    )
    debt_policy: Literal["negative"] = Field(
        default="negative", description="What points to take back that are spent already become"
    )
    unit_points: int = Field(default=100, ge=1, le=10**9, description="So many points are worth …")
    unit_value: int = Field(default=100, ge=0, le=10**9, description="… so many minor units")

    @field_validator("validity")
    @classmethod
    def _validity(cls, value: str) -> str:
        policy, _, number = value.partition(":")
        if value == "never":
            return value
        if policy not in PERIODS or not number.isdecimal() or not 1 <= int(number) <= LONGEST:
            known = ", ".join(f"{name}:n" for name in PERIODS)
            raise ValueError(f"must be never or one of {known} with n from 1 to {LONGEST}")
        return value


PERIODS: Final = ("days", "months", "month-end", "quarter-end", "year-end")
LONGEST: Final = 1200


def check(new: PointsSettings, _before: PointsSettings | None) -> Sequence[FieldError]:
    """Value sanity: a programme must not give back half of what is paid, or all at the top tier.

    Base ≥ 5000 bp or top (highest tier × birthday) ≥ 10000 bp is refused (`rebate-too-high`).
    """
    base = BASIS_POINTS * new.points_per_unit * new.unit_value // (new.unit_points * new.unit)
    highest = max(new.tier_bp.values(), default=BASIS_POINTS)
    top = base * highest * new.birthday_bp // (BASIS_POINTS * BASIS_POINTS)
    if base >= REFUSED_BASE_BP or top >= REFUSED_TOP_BP:
        return [
            FieldError(
                "/unit_value",
                "rebate-too-high",
                f"gives back {base} basis points, {top} at the top tier in the birthday month",
            )
        ]
    return ()


DOCUMENT: Final = Document("points", PointsSettings, check)
