"""What a service holds about a person, row by row, for who has a right to know."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import MetaData, or_, select

from shared.http.app import router
from shared.http.auth import Scope, scoped
from shared.http.reading import Reader, known_id, reading, values

Held = Mapping[str, tuple[str, ...]]
"""By table the columns that name the person, as member or as customer."""
Exporting = Annotated[Scope, Depends(scoped("members.export"))]
CustomerIds = Annotated[list[str] | None, Query(max_length=200, alias="customer_id")]
_PROGRAM: Final = "program_id"


class HeldRows(BaseModel):
    """What is held about a member and their customers."""

    tables: dict[str, list[dict[str, Any]]] = Field(description="Rows by table, as they are kept")


def held_router(meta: MetaData, held: Held) -> APIRouter:
    """The route of a service that holds something about members."""
    routes = router(prefix="/v1", tags=["held"])

    @routes.get("/members/{member_id}/held", name="members.held", response_model=HeldRows)
    async def rows(
        request: Request, member_id: str, scope: Exporting, customers: CustomerIds = None
    ) -> Any:
        """Everything that is held here about a member and the customers named."""
        identities = [known_id("mem", member_id, "member")]
        identities += [known_id("cus", each, "customer") for each in customers or ()]
        async with reading(request, scope) as reader:
            return {"tables": await held_rows(reader, meta, held, identities)}

    return routes


async def held_rows(
    reader: Reader, meta: MetaData, held: Held, identities: Collection[UUID]
) -> dict[str, list[dict[str, Any]]]:
    """Rows that name one of some ids, by table. Asked for rarely: some tables are read whole."""
    found = {}
    for name, columns in held.items():
        table = meta.tables[name]
        rows = await reader.all(
            select(table)
            .where(
                table.c.program_id == reader.program.id,
                or_(*(table.c[column].in_(identities) for column in columns)),
            )
            .order_by(*table.primary_key.columns)
        )
        found[name] = [plain(values(row)) for row in rows]
    return found


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON can have it; what is encoded is told where it can be read, else left out.

    >>> plain({"program_id": 7, "customer_id": UUID(int=1), "sealed": bytes([0xC1])})
    {'customer_id': '00000000-0000-0000-0000-000000000001'}
    """
    told = {}
    for name, value in row.items():
        if name == _PROGRAM:
            continue
        if isinstance(value, bytes):
            try:
                value = msgspec.msgpack.decode(value)  # noqa: PLW2901
            except msgspec.DecodeError:
                continue
        told[name] = msgspec.to_builtins(value, builtin_types=(), enc_hook=str)
    return told
