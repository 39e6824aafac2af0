"""What is mended in aiokafka, at import.

On uvloop a write to a connection that was just reset raises RuntimeError, where asyncio raises
nothing; aiokafka expects OSError alone (its issue 1038). Unmended, whatever wrote ends for good:
the fetcher, the coordinator, the producer's sender.
"""

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def _send_or_break(self: Any, request: Any, **more: Any) -> Any:  # noqa: ANN401 - the library's
    """Send, or close the connection and say that it is broken."""
    try:
        return _send(self, request, **more)
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"{self.host}:{self.port}: {error}") from error


AIOKafkaConnection.send = _send_or_break
