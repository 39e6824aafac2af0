"""Whether a worker gets on, which is what its liveness means.

Not that the process exists: within two minutes it has committed something, or had nothing left to
read, or waits for something that is known to be away.
"""

from typing import Final

from shared.clock import monotonic

BEAT_SECONDS: Final = 10.0
"""A loop that has not turned for so long is stuck."""
PROGRESS_SECONDS: Final = 120.0


class Progress:
    """What the parts of a worker tell of themselves."""

    def __init__(self) -> None:
        self._beat_at = monotonic()
        self._moved_at = monotonic()
        self.waits_for: str | None = None
        """What is away and waited for."""

    def beat(self) -> None:
        """The loop turns."""
        self._beat_at = monotonic()

    def moved(self) -> None:
        """Something was committed, or there was nothing left to read."""
        self._moved_at = monotonic()
        self.waits_for = None

    def waits(self, dependency: str) -> None:
        """Something that this worker needs was just found to be away."""
        self.waits_for = dependency
        self._moved_at = monotonic()

    @property
    def stuck(self) -> str | None:
        """Why the process should be started anew; None while it gets on."""
        now = monotonic()
        if now - self._beat_at > BEAT_SECONDS:
            return "the loop has not turned for 10 seconds"
        if now - self._moved_at > PROGRESS_SECONDS:
            return "nothing was committed for 2 minutes, and there is something to read"
        return None
