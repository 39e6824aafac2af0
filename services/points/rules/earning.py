"""Points of an order: runs the earning rules in order and keeps every step (rows 36 to 38).

eligible = Σ counted line amounts after discounts and refunds
units    = floor(eligible / unit)           the rest is dropped per order, never carried
points   = floor(units × points per unit × multipliers), then trimmed by caps
"""

from services.points.model import Award, LinePoints, Multiplier
from services.points.rules.earn import EARN_STEPS, Basket, Step, count_units
from shared.amounts import allocate


def award(basket: Basket) -> tuple[Award, list[Step]]:
    """What an order gives, and each step that led to it.

    Line shares are in proportion to the eligible amounts, by largest remainder, ties to the
    earlier line; lines that count nothing have none.
    """
    base = count_units(basket)
    steps: list[Step] = [base]
    for rule in EARN_STEPS:
        steps.append(rule(basket, steps[-1]))
    points = steps[-1].points
    shares = allocate(points, [amount for _, amount in base.counted])
    return (
        Award(
            wallet="points",
            group="base",
            eligible_minor=base.eligible_minor,
            units=base.units,
            base=base.points,
            multipliers=[Multiplier(step.rule, step.bp) for step in steps if step.bp is not None],
            points=points,
            trimmed=steps[-2].points - points,
            lines=[
                LinePoints(line_id, share)
                for (line_id, _), share in zip(base.counted, shares, strict=True)
            ],
        ),
        steps,
    )
