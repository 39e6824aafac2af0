"""Ladders: what a merchant may set of tiers, and the templates to start from. Versioned."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from shared.errors import FieldError
from shared.settings.versions import Document, Settings

PAY_LOWEST_BP: Final = 1_000
PAY_WHOLE_BP: Final = 10_000


class Threshold(Settings):
    """What a tier asks for: an amount spent, a number of orders, or either of them."""

    amount_minor: int | None = Field(default=None, ge=0, le=10**13)
    orders: int | None = Field(default=None, ge=1, le=10**6)
    match: Literal["any", "all"] = Field(default="any", description="Amount or count, or both")

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return self.amount_minor is None and self.orders is None


class Tier(Settings):
    """One rung of a ladder."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    rank: int = Field(ge=1, le=20)
    name: dict[Literal["zh", "en"], str] | None = Field(default=None, description="As shown")
    on: bool = Field(default=True, description="Off: not entered any more; holders keep it")
    enter: Threshold = Threshold()
    keep: Threshold | None = Field(default=None, description="Default: as enter")
    pay_bp: int = Field(
        default=PAY_WHOLE_BP,
        ge=PAY_LOWEST_BP,
        le=PAY_WHOLE_BP,
        description="Share of the price that its members pay; 9000 is 9折",
    )
    no_downgrade: bool = False


class Ladder(Settings):
    """A ladder of tiers (capability rows 17 to 23)."""

    code: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Name of the ladder in events")
    ]
    primary: bool = Field(default=True, description="Its multiplier and share of the price apply")
    window: Literal["lifetime"] = Field(
        default="lifetime", description="What counts: all that was ever completed"
    )
    downgrade: Literal["never", "one-step", "to-supported", "to-base"] = Field(
        default="one-step", description="How one falls at an order when new thresholds are missed"
    )
    refund_effect: Literal["from-refund"] = Field(
        default="from-refund", description="A refund lowers the tier from its own instant on"
    )
    tiers: tuple[Tier, ...] = Field(
        min_length=1, max_length=20, description="By rank, the base first: code, rank, entrance"
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        ranks = [tier.rank for tier in self.tiers]
        codes = [tier.code for tier in self.tiers]
        if ranks != list(range(1, len(ranks) + 1)):
            raise ValueError("ranks must be 1, 2, 3 … in the order of the tiers")
        if len(set(codes)) != len(codes):
            raise ValueError("a tier code is used twice")
        for lower, upper in zip(self.tiers, self.tiers[1:], strict=False):
            if upper.pay_bp > lower.pay_bp:
                raise ValueError(f"{upper.code} must not pay more than {lower.code}")
            if upper.on and upper.enter.empty:
                raise ValueError(f"{upper.code} is on and asks for nothing")
        self._rising("amount_minor")
        self._rising("orders")
        return self

    def _rising(self, figure: Literal["amount_minor", "orders"]) -> None:
        last = -1
        for tier in self.tiers:
            enter: int | None = getattr(tier.enter, figure)
            keep: int | None = getattr(tier.keep, figure) if tier.keep else None
            if enter is not None and enter <= last:
                raise ValueError(f"{tier.code} must ask for more {figure} than the tier below it")
            if keep is not None and enter is not None and keep > enter:
                raise ValueError(f"{tier.code} must not ask for more to keep than to enter")
            last = enter if enter is not None else last

    @property
    def base(self) -> Tier:
        """The tier that everybody has."""
        return self.tiers[0]

    def tier(self, code: str) -> Tier | None:
        """A tier by its code."""
        return next((tier for tier in self.tiers if tier.code == code), None)


def check(new: Ladder, before: Ladder | None) -> Sequence[FieldError]:
    """A tier that members may hold must not vanish."""
    gone = (
        {tier.code for tier in before.tiers} - {tier.code for tier in new.tiers} if before else ()
    )
    return [
        FieldError("/tiers", "tier-dropped", f"{code} is held by members: switch it off instead")
        for code in sorted(gone)
    ]


FAMILY: Final = "ladder/"
LADDER: Final = Document(FAMILY, Ladder, check)


def five_tiers(minor: int = 100) -> Ladder:
    """普通, 银, 金, 白金, 钻石 at 0, 1,000, 3,000, 10,000, 30,000 (capability row 19).

    `minor` is how many minor units one unit of the currency has.
    """
    steps = (
        ("ordinary", "普通会员", 0),
        ("silver", "银卡会员", 1_000),
        ("gold", "金卡会员", 3_000),
        ("platinum", "白金会员", 10_000),
        ("diamond", "钻石会员", 30_000),
    )
    return Ladder(
        code="main",
        tiers=tuple(
            Tier(
                code=code,
                rank=rank,
                name={"zh": name, "en": code.capitalize()},
                enter=Threshold(amount_minor=amount * minor),
            )
            for rank, (code, name, amount) in enumerate(steps, 1)
        ),
    )


def four_tiers(minor: int = 100) -> Ladder:
    """普通 from 500, 高级 from 1,000 or 5 orders at 9折, VIP and 至尊VIP blank (capability row 17).

    The upper three are off; they are switched on from below once they have a threshold.
    """
    return Ladder(
        code="main",
        tiers=(
            Tier(
                code="ordinary",
                rank=1,
                name={"zh": "普通会员", "en": "Ordinary"},
                enter=Threshold(amount_minor=500 * minor),
            ),
            Tier(
                code="advanced",
                rank=2,
                name={"zh": "高级会员", "en": "Advanced"},
                on=False,
                enter=Threshold(amount_minor=1_000 * minor, orders=5),
                pay_bp=9_000,
            ),
            Tier(code="vip", rank=3, name={"zh": "VIP会员", "en": "VIP"}, on=False, pay_bp=9_000),
            Tier(
                code="supreme-vip",
                rank=4,
                name={"zh": "至尊VIP会员", "en": "Supreme VIP"},
                on=False,
                pay_bp=9_000,
            ),
        ),
    )
