"""Pictures of member centres: taken from staff, shown to everybody."""

import re
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.gateway.bodies import read_body
from services.gateway.decoration.managing import Pictures
from services.gateway.decoration.model import Use
from services.gateway.decoration.rules.picturing import SHAPES
from services.gateway.decoration.schemas import Media
from services.gateway.routes.asked import API, by
from services.gateway.routes.pages import YEAR
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Reach, reaching
from shared.http.problems import documented
from shared.http.reading import known_id

ROUTER = router(tags=["media"])
_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png"}
_FILE: Final = re.compile(r"[0-9a-f]{64}\.(jpg|png)")
_TOO_LARGE: Final = 413
_BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
_Writer = Annotated[Reach, Depends(reaching("settings.write"))]


@ROUTER.post(f"{API}/programs/{{program_id}}/media", name="media.create", status_code=201,
             response_model=Media, responses=documented(408, 409, 415),
             openapi_extra={"requestBody": {
                 "content": dict.fromkeys(_TYPES.values(), _BYTES), "required": True}})  # fmt: skip
async def add_media(
    request: Request,
    program_id: str,
    reach: _Writer,
    use: Annotated[Use, Query(description="What the picture is for: its exact size follows")],
) -> Any:
    """Take a JPG or PNG of the exact size of its use; what its file says besides is dropped."""
    program = _program(program_id)
    if reach.program not in {None, program_id}:
        raise HttpProblem(404, "not-found", "No such program.")
    made = await _pictures(request).add(program, use, await _read(request, use), by(request, reach))
    return {"file": made.file, "url": f"/media/{program_id}/{made.file}"}


@ROUTER.get("/media/{program_id}/{file}", name="media.get", response_class=Response,
            responses={200: {"content": dict.fromkeys(_TYPES.values(), _BYTES)}})  # fmt: skip
async def get_media(request: Request, program_id: str, file: str) -> Response:
    """A picture, for everybody; under its name there is never another one."""
    if _FILE.fullmatch(file) is None:
        raise HttpProblem(404, "not-found", "No such picture.")
    body = await _pictures(request).find(_program(program_id), file)
    return Response(body, headers={"cache-control": YEAR}, media_type=_TYPES[file[-3:]])


async def _read(request: Request, use: Use) -> bytes:
    most = SHAPES[use].most_bytes
    try:
        return await read_body(request, most, tuple(_TYPES.values()))
    except HttpProblem as error:
        if error.status != _TOO_LARGE:
            raise
        detail = f"A {use} has at most {most} bytes."
        raise HttpProblem(_TOO_LARGE, "image-bytes", detail) from error


def _program(program_id: str) -> UUID:
    return known_id("prg", program_id, "program")


def _pictures(request: Request) -> Pictures:
    found: Pictures = request.app.state.pictures
    return found
