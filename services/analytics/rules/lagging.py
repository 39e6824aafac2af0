"""How far behind the figures are: a bound that can be known here, from what a batch is.

The log's end is not visible to this service's tables, but two things bound how long the newest
event of a batch had waited on it when the batch began. It did not wait since before it happened.
And it did not wait since before the log was last empty for us: a reader takes what there is, so a
batch smaller than any reader's limit held all that the log had.

| inputs | log last empty | newest event | batch began | lag |
|---|---|---|---|---|
| 3 | | of March | in November | 0 s: it held all there was |
| 500 | 12:00:00 | 11:00:00, an import | 12:00:07 | 7 s |
| 500 | 11:00:00 | 12:00:05 | 12:00:07 | 2 s |
| 500 | never | 12:00:05 | 12:00:07 | 2 s |

It says nothing of a reader that stands still: then `as_of` stays where it is. A long run of records
of types that this service ignores passes for an empty log; they change no figure.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from services.analytics.model import Progress

SMALLEST_LIMIT: Final = 50
"""Records that a reader takes at once, at the least (`SHUKE_BATCH_EVENTS_MAX`)."""
_SECOND: Final = timedelta(seconds=1)


def advance(progress: Progress, begun_at: datetime, inputs: int, newest: datetime) -> Progress:
    """The progress after a batch of so many inputs; `newest` is the latest of their times."""
    if inputs < SMALLEST_LIMIT:
        return replace(progress, drained_at=begun_at, lag_seconds=0)
    since = max(newest, progress.drained_at or newest)
    return replace(progress, lag_seconds=max(0, (begun_at - since) // _SECOND))


def applied(progress: Progress, at: datetime) -> Progress:
    """The progress after an event of an instant."""
    if progress.as_of is not None and at <= progress.as_of:
        return progress
    return replace(progress, as_of=at)
