"""Names of advisory locks and of the channels that processes wake each other by."""

from hashlib import blake2b


def channel(service: str) -> str:
    """What processes without the relay notify after a commit."""
    return f"outbox_{service}"


def lock_key(name: str) -> int:
    """Key of a session advisory lock by name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
