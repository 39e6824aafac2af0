"""Rules are pure: a test of this level that opens a socket, a Unix one too, fails."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """No database, no broker, no network. A plain test needs no event loop and so no pipe of it."""
    disable_socket(allow_unix_socket=False)
    yield
    enable_socket()
