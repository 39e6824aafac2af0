"""Programs and their stores."""

from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Row, select

from services.gateway import queries, tables
from services.gateway.routes.asked import API, managing, now
from services.gateway.schemas import (
    NewProgram,
    NewStore,
    Program,
    ProgramPage,
    Store,
    StorePage,
)
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, permitted, scoped
from shared.http.reading import reading
from shared.http.tokens import Caller
from shared.ids import text_id

ROUTER = router()
_Programs = Annotated[Caller, Depends(permitted("programs.manage"))]
_ReadPrograms = Annotated[Caller, Depends(permitted("programs.read"))]
_Stores = Annotated[Scope, Depends(scoped("programs.manage"))]
_Reading = Annotated[Scope, Depends(scoped("programs.read"))]


@ROUTER.post(f"{API}/programs", name="programs.create", tags=["programs"], status_code=201,
             response_model=Program)  # fmt: skip
async def add_program(request: Request, body: NewProgram, _caller: _Programs) -> Any:
    """Make a program. Its days are those of its time zone, for ever."""
    if _caller.program is not None:
        raise HttpProblem(403, "forbidden", "A key belongs to one program and makes no other.")
    program_id = await managing(request).add_program(body, now(request))
    return {"program_id": program_id, "status": "open", "version": 1} | body.model_dump()


@ROUTER.get(f"{API}/programs", name="programs.list", tags=["programs"],
            response_model=ProgramPage)  # fmt: skip
async def list_programs(request: Request, caller: _ReadPrograms) -> Any:
    """Programs that the caller may see."""
    async with request.app.state.database.reading() as connection:
        rows = (await connection.execute(select(tables.PROGRAM))).all()
    items = [_program(row) for row in rows]
    return {"items": [i for i in items if caller.program in {None, i["program_id"]}]}


@ROUTER.post(f"{API}/stores", name="stores.create", tags=["programs"], status_code=201,
             response_model=Store)  # fmt: skip
async def add_store(request: Request, body: NewStore, scope: _Stores) -> Any:
    """Make a store of the program."""
    store_id = await managing(request).add_store(scope.program, body, now(request))
    async with reading(request, scope) as reader:
        rows = await queries.list_stores(reader)
    return next(_store(row) for row in rows if text_id("sto", row.store_id) == store_id)


@ROUTER.get(f"{API}/stores", name="stores.list", tags=["programs"],
            response_model=StorePage)  # fmt: skip
async def list_stores(request: Request, scope: _Reading) -> Any:
    """Stores of the program."""
    async with reading(request, scope) as reader:
        return {"items": [_store(row) for row in await queries.list_stores(reader)]}


def _program(row: Row[Any]) -> dict[str, Any]:
    return {
        "program_id": text_id("prg", row.public_id),
        "name": row.name,
        "time_zone": row.time_zone,
        "currency": row.currency,
        "default_region": row.default_region,
        "locale": row.locale,
        "status": row.status,
        "version": row.version,
    }


def _store(row: Row[Any]) -> dict[str, Any]:
    return {
        "store_id": text_id("sto", row.store_id),
        "kind": row.kind,
        "name": row.name,
        "region": row.region,
        "status": row.status,
        "version": row.version,
    }
