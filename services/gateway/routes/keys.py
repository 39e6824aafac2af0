"""API keys, and the public keys that tokens are signed with."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from services.gateway import queries
from services.gateway.managing import key_line
from services.gateway.routes.asked import API, by, managing
from services.gateway.schemas import (
    KeyMade,
    KeyPage,
    NewKey,
    RotateKey,
)
from shared.db.transaction import Row
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Scope, expect_step_up, scoped, sees_store
from shared.http.problems import documented
from shared.http.reading import known_id, reading
from shared.http.tokens import Caller
from shared.sealing import KeyRing

ROUTER = router()
_Keys = Annotated[Scope, Depends(scoped("keys.manage"))]
_MakesKeys = Annotated[Scope, Depends(scoped("keys.manage", by_store=True))]


@ROUTER.get("/.well-known/jwks.json", name="keys.public", tags=["health"])
async def public_keys(request: Request) -> Response:
    """Public keys that the gateway's tokens are signed with."""
    keys: KeyRing = request.app.state.keys
    return Response(keys.public_keys, media_type="application/json")


@ROUTER.post(f"{API}/api-keys", name="keys.create", tags=["keys"], status_code=201,
             response_model=KeyMade)  # fmt: skip
async def add_key(request: Request, body: NewKey, scope: _MakesKeys) -> Any:
    """A key for another system. Its text is shown this once; only its hash is kept."""
    _may_give(scope.caller, body.permissions, body.stores)
    expect_step_up(request, scope.caller)
    return await managing(request).add_key(scope.program, body, by(request, scope))


@ROUTER.get(f"{API}/api-keys", name="keys.list", tags=["keys"],
            response_model=KeyPage)  # fmt: skip
async def list_keys(request: Request, scope: _Keys) -> Any:
    """Keys of the program, without their texts."""
    async with reading(request, scope) as reader:
        rows = await queries.list_keys(reader)
    return {"items": [key_line(row) for row in rows]}


@ROUTER.post(f"{API}/api-keys/{{key_id}}:rotate", name="keys.rotate", tags=["keys"],
             status_code=201, response_model=KeyMade, responses=documented(409))  # fmt: skip
async def rotate_key(
    request: Request, key_id: str, scope: _Keys, body: RotateKey | None = None
) -> Any:
    """Another key that may do the same, shown this once. The old one is taken for 24 hours yet."""
    identity = known_id("key", key_id, "key")

    expect_step_up(request, scope.caller)

    def may(old: Row) -> None:
        _may_give(scope.caller, old["permissions"], old["stores"])

    return await managing(request).rotate_key(
        scope.program, identity, body or RotateKey(), by(request, scope), may
    )


@ROUTER.delete(f"{API}/api-keys/{{key_id}}", name="keys.revoke", tags=["keys"],
               status_code=204)  # fmt: skip
async def revoke_key(request: Request, key_id: str, scope: _Keys) -> Response:
    """End a key; it is refused everywhere within 5 seconds."""
    identity = known_id("key", key_id, "key")
    expect_step_up(request, scope.caller)
    await managing(request).revoke_key(scope.program, identity, by(request, scope))
    return Response(status_code=204)


def _may_give(caller: Caller, permissions: Sequence[str], stores: Sequence[str]) -> None:
    """Raises 403: whoever makes a key has what it gives."""
    lacking = [each for each in permissions if not caller.may(each)]
    lacking += [store for store in stores if not sees_store(caller, store)]
    if lacking:
        raise HttpProblem(403, "forbidden", f"A key cannot give what its maker lacks: {lacking[0]}")
