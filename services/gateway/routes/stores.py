"""Stores and branches of a program."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from msgspec import structs

from services.gateway import queries
from services.gateway.programs.managing import etag
from services.gateway.programs.schemas import ChangeStore, NewStore, Store, StorePage
from services.gateway.programs.store import store_of
from services.gateway.routes.asked import API, by, programs
from shared.errors import HttpProblem
from shared.events.programs.store_changed import StoreChanged
from shared.http.app import router
from shared.http.auth import Scope, expect_step_up, scoped, sees_store
from shared.http.matching import IfMatch
from shared.http.problems import documented
from shared.http.reading import known_id, reading, values

ROUTER = router()
_Manager = Annotated[Scope, Depends(scoped("programs.manage"))]
_Reader = Annotated[Scope, Depends(scoped("programs.read", by_store=True))]


@ROUTER.post(f"{API}/stores", name="stores.create", tags=["programs"], status_code=201,
             response_model=Store, responses=documented(409))  # fmt: skip
async def add_store(request: Request, response: Response, body: NewStore, scope: _Manager) -> Any:
    """Make a store of the program; a branch may stand below another."""
    made = await programs(request).add_store(scope.program, body, by(request, scope))
    return _told(response, made)


@ROUTER.get(f"{API}/stores", name="stores.list", tags=["programs"],
            response_model=StorePage)  # fmt: skip
async def list_stores(request: Request, scope: _Reader) -> Any:
    """Stores of the program; of a caller of some stores those alone."""
    async with reading(request, scope) as reader:
        rows = await queries.list_stores(reader, scope.store_uuids)
    return {"items": [structs.asdict(store_of(values(row))) for row in rows]}


@ROUTER.get(f"{API}/stores/{{store_id}}", name="stores.get", tags=["programs"],
            response_model=Store)  # fmt: skip
async def get_store(request: Request, response: Response, store_id: str, scope: _Reader) -> Any:
    """One store; its ETag guards every change."""
    identity = known_id("sto", store_id, "store")
    async with reading(request, scope) as reader:
        row = await queries.find_store(reader, identity)
    if row is None or not sees_store(scope.caller, store_id):
        raise HttpProblem(404, "not-found", "No such store.")
    return _told(response, store_of(values(row)))


@ROUTER.patch(f"{API}/stores/{{store_id}}", name="stores.change", tags=["programs"],
              response_model=Store, responses=documented(409, 412, 428))  # fmt: skip
async def change_store(
    request: Request,
    response: Response,
    store_id: str,
    body: ChangeStore,
    scope: _Manager,
    if_match: IfMatch = None,
) -> Any:
    """Change a store: pause it (nobody joins there), open it, close it for good.

    Deliveries of a paused store are taken and processed; those of a closed one are refused as of a
    connection that nobody has.
    """
    identity = known_id("sto", store_id, "store")
    if body.status == "closed":
        expect_step_up(request, scope.caller)
    changed = await programs(request).change_store(
        scope.program, identity, body, if_match, by(request, scope)
    )
    request.app.state.connections.forget_program(scope.program)
    return _told(response, changed)


def _told(response: Response, store: StoreChanged) -> dict[str, Any]:
    response.headers["ETag"] = etag(store)
    return structs.asdict(store)
