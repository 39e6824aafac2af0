"""Named points where a test may kill the process. Refused outside the test profile."""

import os
import signal
from collections.abc import Callable

from shared.config import Config
from shared.errors import Misconfigured


def fault_of(config: Config) -> Callable[[str], None]:
    """What to call at a named point: does nothing unless `SHUKE_FAULT=<point>:kill` names it."""
    if config.fault is None:
        return lambda _: None
    point, _, action = config.fault.partition(":")
    if action != "kill":
        raise Misconfigured(f"SHUKE_FAULT: unknown action {action!r}, expected <point>:kill")

    def maybe(here: str) -> None:
        if here == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return maybe
