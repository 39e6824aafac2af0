"""`If-Match`: who changes a thing has seen it as it is, or says that it does not matter."""

from typing import Annotated

from fastapi import Header

from shared.errors import HttpProblem

IfMatch = Annotated[str | None, Header(description="The ETag that the caller has seen, or *")]


def versioned(version: int) -> str:
    """The ETag of something that counts its versions."""
    return f'"{version}"'


def match(given: str | None, current: str) -> None:
    """Raises HttpProblem: 428 without the header, 412 `version-stale` for another ETag."""
    if given is None:
        raise HttpProblem(428, "if-match-required", "This needs the header If-Match.")
    if given not in {current, "*"}:
        raise HttpProblem(412, "version-stale", f"It is at {current} by now.")
