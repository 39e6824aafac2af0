"""Secrets of connections as they are kept: forgotten when long ended, unsealed once."""

import pytest

from services.gateway.connections import Connections
from shared.db.engine import Database
from shared.db.transaction import statements
from shared.ids import parse_id
from tests.api.harness import Shop, ok
from tests.api.test_replays import forget

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def secrets(shop: Shop) -> list[str]:
    """Ids of the secrets that are shown."""
    path = f"/api/gateway/v1/connections/{shop.connection}/secrets"
    listed = ok(await shop.api.caller(shop.program).get(path))["items"]
    return [each["secret_id"] for each in listed]


async def test_a_secret_that_has_long_ended_is_forgotten(shop: Shop, database: Database) -> None:
    """Until then a shop that still signs with it is told apart from a stranger."""
    staff = shop.api.caller(shop.program)
    path = f"/api/gateway/v1/connections/{shop.connection}/secrets"
    (old,) = await secrets(shop)
    fresh = ok(await staff.post(path), 201)["secret_id"]
    assert (await staff.post(f"{path}/{old}:end", {"after_hours": 0})).status_code == 204
    await forget(shop, database, 29)
    assert await secrets(shop) == [old, fresh]
    await forget(shop, database, 31)
    assert await secrets(shop) == [fresh]


async def test_a_secret_that_is_known_is_not_unsealed_again(shop: Shop, database: Database) -> None:
    """Connections are read anew every few seconds, and most of their secrets have ended."""
    connections = Connections(database, shop.api.site.keys)
    identity = parse_id("whk", shop.connection)
    async with statements(database) as tx:
        known = await connections.read(tx, identity)
    assert known is not None
    await shop.api.site.execute(
        "update gateway.secret set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) "
        "where connection_id = $1",
        identity,
    )
    async with statements(database) as tx:
        again = await connections.read(tx, identity, known)
    assert again is not None
    assert again.secrets == known.secrets
    async with statements(database) as tx:
        with pytest.raises(ValueError, match="does not open"):
            await connections.read(tx, identity)
