"""How far behind the figures are, as far as a batch tells."""

from datetime import timedelta

import pytest

from services.analytics.model import Progress
from services.analytics.rules.lagging import SMALLEST_LIMIT, advance, applied
from shared.config import Config
from tests.rules.analytics.facts import DAY, NOON

SECOND = timedelta(seconds=1)


def test_a_small_batch_held_all_there_was() -> None:
    progress = advance(Progress(1, lag_seconds=9), NOON, SMALLEST_LIMIT - 1, NOON - 90 * DAY)
    assert (progress.lag_seconds, progress.drained_at) == (0, NOON)


@pytest.mark.parametrize(
    ("drained", "newest", "lag"),
    [
        (NOON - 7 * SECOND, NOON - 90 * DAY, 7),
        (NOON - 90 * DAY, NOON - 2 * SECOND, 2),
        (None, NOON - 2.9 * SECOND, 2),
        (NOON - DAY, NOON + DAY, 0),
    ],
)
def test_a_large_one_waited_no_longer_than_either_bound(
    drained: object, newest: object, lag: int
) -> None:
    before = Progress(1, drained_at=drained)  # type: ignore[arg-type]
    after = advance(before, NOON, SMALLEST_LIMIT, newest)  # type: ignore[arg-type]
    assert (after.lag_seconds, after.drained_at) == (lag, drained)


def test_no_reader_takes_less_at_once_than_the_rule_believes() -> None:
    field = Config.model_fields["batch_events_max"]
    (least,) = [each.ge for each in field.metadata if hasattr(each, "ge")]
    assert least == SMALLEST_LIMIT


def test_as_of_is_the_greatest_time_applied() -> None:
    progress = applied(Progress(1), NOON)
    assert progress.as_of == NOON
    assert applied(progress, NOON - DAY) is progress
    assert applied(progress, NOON + DAY).as_of == NOON + DAY
