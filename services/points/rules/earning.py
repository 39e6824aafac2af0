"""Points of an order: runs the earning rules in order and keeps every step (rows 36 to 38).

eligible = Σ counted line amounts after discounts and refunds
units    = floor(eligible / unit)           the rest is dropped per order, never carried
points   = floor(units × points per unit × multipliers), then trimmed by caps
"""

from services.points.model import Award, LinePoints, Multiplier
from services.points.rules.earn import EARN_STEPS, Basket, Step
from shared.amounts import allocate


def award(basket: Basket) -> tuple[Award, list[Step]]:
    """What an order gives, and each step that led to it.

    Line shares are in proportion to the eligible amounts, by largest remainder, ties to the
    earlier line; lines that count nothing have none.
    """
    steps: list[Step] = []
    for rule in EARN_STEPS:
        steps.append(rule(basket, steps[-1] if steps else None))
    first, last = steps[0].figures, steps[-1]
    counted = first["counted"]
    shares = allocate(last.points, [each["amount_minor"] for each in counted])
    return (
        Award(
            wallet="points",
            group="base",
            eligible_minor=first["eligible_minor"],
            units=first["units"],
            base=first["points"],
            multipliers=[Multiplier(step.rule, step.bp) for step in steps if step.bp is not None],
            points=last.points,
            trimmed=last.figures["trimmed"],
            lines=[
                LinePoints(each["line_id"], share)
                for each, share in zip(counted, shares, strict=True)
            ],
        ),
        steps,
    )
