"""Read SQL of pictures."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.gateway.decoration.tables import PICTURE
from services.gateway.metadata import METADATA

_PROGRAM = METADATA.tables["program"]


async def find_picture(connection: AsyncConnection, program: UUID, file: str) -> bytes | None:
    """The bytes of a picture."""
    query = (
        select(PICTURE.c.body)
        .join(_PROGRAM, _PROGRAM.c.program_id == PICTURE.c.program_id)
        .where(_PROGRAM.c.public_id == program, PICTURE.c.file == file)
    )
    return (await connection.execute(query)).scalar()
