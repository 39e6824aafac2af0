"""From scores to segments (RFM, method `quintile`): by R, then F; M only sorts inside.

Fewer than 25 subjects are given no scores: a fifth of them would be a handful.

| R, F | segment | R, F | segment |
|---|---|---|---|
| 5, 4-5 | champions (冠军) | 3, 3 | need-attention (需关注) |
| 3-4, 4-5 | loyal (忠诚) | 3, 1-2 | about-to-sleep (将沉睡) |
| 4-5, 2-3 | potential-loyalists (潜力) | 1-2, 3-4 | at-risk (有风险) |
| 5, 1 | new (新客) | 1-2, 5 | cannot-lose (不可流失) |
| 4, 1 | promising (有希望) | 1-2, 1-2 | hibernating (冬眠) |

>>> segment(5, 5), segment(4, 3), segment(3, 3), segment(1, 2)
('champions', 'potential-loyalists', 'need-attention', 'hibernating')
"""

from collections.abc import Iterable, Mapping
from typing import Final

MINIMUM: Final = 25
"""Subjects below which there are no scores."""
SCORES: Final = range(1, 6)
SEGMENTS: Final[Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "champions": ((5,), (4, 5)),
    "loyal": ((3, 4), (4, 5)),
    "potential-loyalists": ((4, 5), (2, 3)),
    "new": ((5,), (1,)),
    "promising": ((4,), (1,)),
    "need-attention": ((3,), (3,)),
    "about-to-sleep": ((3,), (1, 2)),
    "at-risk": ((1, 2), (3, 4)),
    "cannot-lose": ((1, 2), (5,)),
    "hibernating": ((1, 2), (1, 2)),
}
"""By name the R scores and F scores; every pair is in exactly one."""
_BY_SCORES: Final = {
    (recency, frequency): name
    for name, (recencies, frequencies) in SEGMENTS.items()
    for recency in recencies
    for frequency in frequencies
}


def segment(recency: int, frequency: int) -> str:
    """Name of the segment of an R score and an F score."""
    return _BY_SCORES[recency, frequency]


def tally(counts: Iterable[tuple[int, int, int]]) -> dict[str, int]:
    """Subjects by segment, every segment named; `counts` are R score, F score, subjects."""
    found = dict.fromkeys(SEGMENTS, 0)
    for recency, frequency, subjects in counts:
        found[segment(recency, frequency)] += subjects
    return found
