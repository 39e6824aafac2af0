"""The settings document of decoration: what is refused, what is published."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from services.gateway.decoration import store
from services.gateway.decoration.rules.composing import (
    against_keeping,
    against_publishing,
    pictures,
)
from services.gateway.decoration.settings import NAME, Decoration
from shared.db.transaction import Tx
from shared.errors import FieldError
from shared.settings import store as settings
from shared.settings.versions import Document

DRAFT_KEPT: Final = timedelta(days=30)
"""So long a draft is kept after it was saved."""


async def refusing(
    tx: Tx, program_id: int, body: Decoration, now: datetime
) -> Sequence[FieldError]:
    """What speaks against keeping a draft: rules, and pictures that are not there."""
    named = list(pictures(body))
    files = [image.file for _, _, image in named]
    there = await store.use_pictures(tx, program_id, files, now) if files else {}
    unknown = [
        FieldError(f"{pointer}/file", "unknown-image", f"no such picture of a {use}")
        for pointer, use, image in named
        if there.get(image.file) != use
    ]
    return [*against_keeping(body), *unknown]


async def looking(
    state: Any,  # noqa: ANN401 - of the app
    program: str,
    body: Decoration,
    now: datetime,
) -> Sequence[FieldError]:
    """What beside a draft speaks against publishing it. Raises 503 where a service is away."""
    found: Sequence[FieldError] = await state.surveyor.against_publishing(program, body, now)
    return found


DECORATION: Final = Document(
    NAME, Decoration, against_publishing, refusing=refusing, looking=looking, kept=DRAFT_KEPT
)


async def in_force(tx: Tx, program_id: int, now: datetime) -> Decoration | None:
    """The decoration of a program as everybody sees it now; None: it was never published."""
    found = await settings.load(tx, [DECORATION], [program_id])
    version = found.of(program_id, NAME).at(now)
    return None if version is None else version.body


async def published(tx: Tx, program_id: int, now: datetime) -> dict[str, Any] | None:
    """The decoration in force, as anybody may read it: not on whose pages its module stands."""
    body = await in_force(tx, program_id, now)
    return (
        None
        if body is None
        else body.model_dump(mode="json", exclude={"module": {"origins"}, "tab": True})
    )
