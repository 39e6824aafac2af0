"""Shops as shoppers come from them: who may join there, and a shop's word for its buyers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from shared.ids import parse_id
from tests.api.harness import Api, Shop, ok
from tests.api.staffing import GATEWAY
from tests.api.worlds import JOIN, LADDER, telling
from tests.builders.shoppers import a_token
from tests.flow.harness import Harness


@asynccontextmanager
async def open_to_join(members: Api, shop: Shop) -> AsyncIterator[Harness]:
    """Members knows the program and its store, and joining is open."""
    async with telling(members, shop.program) as told:
        await told.settings("join", JOIN)
        await told.settings("ladder/main", LADDER)
        await members.site.execute(
            """
            insert into members.store
            select p.program_id, $2, 'generic', 'Shop', null, 'CN', 'open', 1
            from members.program p where p.public_id = $1 on conflict do nothing
            """,
            parse_id("prg", shop.program),
            parse_id("sto", shop.store),
        )
        yield told


async def member_secret(shop: Shop) -> str:
    """A secret with which the shop signs tokens of its buyers."""
    path = f"{GATEWAY}/connections/{shop.connection}/secrets"
    made = ok(await shop.api.caller(shop.program).post(path, {"kind": "member"}), 201)
    return str(made["secret"])


async def word(shop: Shop, now: datetime, **changed: Any) -> dict[str, Any]:
    """A shop's word for buyer B-1, as a body."""
    secret = changed.pop("secret", None) or await member_secret(shop)
    token = a_token(shop.program, now, **{"iss": shop.connection, "secret": secret} | changed)
    return {"program_id": shop.program, "token": token}
