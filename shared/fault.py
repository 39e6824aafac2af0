"""Named points where a test may make something happen. Refused outside the test profile.

`SHUKE_FAULT=<point>:<action>`, perhaps with `@n` for the n-th time that the point is passed.
Actions: `kill` (as a power cut would), `stop` (the process stands still until it is continued).
"""

import os
import signal
from collections.abc import Callable
from typing import Final

from shared.config import Config
from shared.errors import Misconfigured

POINTS: Final = ("before_fence", "before_commit", "after_commit", "relay_sent")
"""Before a batch's transaction, at its end, behind it; between sending events and deleting them."""
_SIGNALS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def fault_of(config: Config) -> Callable[[str], None]:
    """What to call at a named point: does nothing unless `SHUKE_FAULT` names it."""
    if config.fault is None:
        return lambda _: None
    point, _, rest = config.fault.partition(":")
    action, _, number = rest.partition("@")
    if action not in _SIGNALS or point not in POINTS or not (number or "1").isdecimal():
        raise Misconfigured(
            f"SHUKE_FAULT: expected <point>:<action>[@n], points {', '.join(POINTS)}, actions "
            f"{', '.join(_SIGNALS)}; got {config.fault!r}"
        )
    left = int(number or "1")

    def maybe(here: str) -> None:
        nonlocal left
        if here == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), _SIGNALS[action])

    return maybe
