"""The story of one shopper at the ledger, in any order."""

from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.members import a_link, a_tier_change
from tests.builders.storefront import a_check_in, a_refund, an_order
from tests.flow.harness import harness


async def test_an_order_then_its_link_earns(worker_database: str) -> None:
    async with harness(SERVICES["points"], worker_database) as points:
        program = points.program.text_id
        await points.settings("points", {"validity": "never"})
        await points.apply(an_order(program, amount_minor=88960))
        await points.apply(
            a_link(program), a_tier_change(program, [(instant("2026-03-01 10:00"), "ordinary")])
        )
        await points.apply(a_check_in(program, at=instant("2026-03-02 01:00")))
        await points.apply(
            a_refund(program, lines=[("1", 1, 88960)], at=instant("2026-03-03 01:00"))
        )
        (account,) = await points.rows("account")
    assert account["balance"] == 5
