"""How fast a balance is answered, at a thousand requests a second."""

import random
from collections.abc import Sequence
from typing import Final

from shared.http.tokens import Minter
from shared.sealing import KeyRing
from tests.bench import workload
from tests.bench.client import Driven, drive, get
from tests.bench.place import Place, Process, ready

RATE: Final = 1_000
CONNECTIONS: Final = 32


async def balances(where: Place, customers: Sequence[int], seconds: float) -> Driven:
    """One process of the points API, asked for members who have points."""
    token = Minter(KeyRing.open(where.config.keys_dir)).mint("points")
    headers = {"authorization": f"Bearer {token}", "shuke-program": workload.PROGRAM}
    chance = random.Random(workload.SEED)  # noqa: S311 - the same at every run
    buyers = chance.choices(customers, k=int(RATE * seconds))
    requests = [
        get(f"/v1/members/{workload.member_of(buyer)}/balance", headers) for buyer in buyers
    ]
    api, port = Process(where, ["api", "points"], 0), where.config.port_of("points")
    try:
        await ready([port], [api])
        await drive([port], iter(requests[:RATE]), connections=CONNECTIONS)
        driven = await drive([port], iter(requests), connections=CONNECTIONS, rate=RATE)
    finally:
        api.stop()
    assert set(driven.statuses) == {200}, driven.statuses
    return driven
