"""From the digits of RFM to a segment."""

from itertools import product

from services.analytics.rfm.rules.segmenting import SCORES, SEGMENTS, segment, tally


def test_every_pair_of_scores_is_in_exactly_one_segment() -> None:
    pairs = [pair for rs, fs in SEGMENTS.values() for pair in product(rs, fs)]
    assert sorted(pairs) == sorted(product(SCORES, SCORES))
    assert {segment(*pair) for pair in pairs} == set(SEGMENTS)


def test_a_tally_names_every_segment() -> None:
    assert tally([]) == dict.fromkeys(SEGMENTS, 0)
    found = tally([(5, 5, 2), (5, 4, 1), (1, 1, 4)])
    assert {name: count for name, count in found.items() if count} == {
        "champions": 3,
        "hibernating": 4,
    }
