"""The port by which codes reach phones, and the one way that there is yet: showing them."""

from typing import Protocol

from shared.config import Config
from shared.errors import HttpProblem


class Channel(Protocol):
    """What brings a code to a phone."""

    async def send(self, phone: str, code: str) -> str | None:
        """Bring a code to a phone in E.164; the code, where the answer is to show it."""
        ...


class Showing:
    """Shows codes to whoever asks for them, which proves nothing: for trials alone."""

    async def send(self, phone: str, code: str) -> str | None:
        """The code."""
        del phone
        return code


def channel_of(config: Config) -> Channel | None:
    """The channel of an installation; None where nothing is set up."""
    return Showing() if config.show_codes else None


def expected(channel: Channel | None) -> Channel:
    """The channel. Raises 501 without one."""
    if channel is None:
        detail = "Nothing is set up that sends codes to phones. For trials: SHUKE_SHOW_CODES=true."
        raise HttpProblem(501, "extra-not-installed", detail)
    return channel
