"""What a quick run must hold: ratios and counts, which a noisy machine does not change."""

from collections.abc import Mapping
from typing import Any, Final

BATCH_FLOOR: Final = 0.8
"""Of a batch of 2,000 against one of 500: T4."""
NAIVE_FLOOR: Final = 10.0
"""Of points against the naive reference, when everything has just started: T3."""


def failures(found: Mapping[str, Any]) -> list[str]:
    """What does not hold, in words."""
    told = []
    if found["batch_2000_over_500"] < BATCH_FLOOR:
        told.append(f"a batch of 2,000 runs at {found['batch_2000_over_500']:.2f} of one of 500")
    if found["points_over_naive"] < NAIVE_FLOOR:
        told.append(f"points are only {found['points_over_naive']:.1f} times the naive reference")
    if found["kill_test"]["violations"]:
        told.append(f"{found['kill_test']['violations']} violations after kills")
    for name in found["statements_per_batch_at_500"]:
        few, many = (found[f"statements_per_batch_at_{size}"][name] for size in (500, 2_000))
        if few != many:
            told.append(f"{name}: {few} statements for a batch of 500, {many} for one of 2,000")
    return told
