"""A campaign that is paused concerns its own time, and nothing that the batch happens to read."""

from datetime import timedelta

from services.campaigns.model import MoveCampaign
from shared.flow import Command
from shared.ids import uuid_of
from shared.random_ids import random_id
from shuke.services import SERVICES
from tests.builders.members import a_joining, a_link, member
from tests.builders.storefront import an_order, customer
from tests.flow.campaigns.histories import CAMPAIGNS, START
from tests.flow.campaigns.test_order_of_arrival import promise
from tests.flow.harness import harness


async def test_pausing_a_campaign_leaves_the_gift_of_a_buyer_who_joined_before_it(
    fresh_database: str,
) -> None:
    async with harness(SERVICES["campaigns"], fresh_database) as campaigns:
        await promise(campaigns)
        program, day = campaigns.program.text_id, timedelta(days=1)
        await campaigns.apply(
            a_joining(program, who=member(1), at=START + day),
            a_link(program, buyer=customer(1), who=member(1), since=START + day),
            an_order(program, no="A", buyer=customer(1), at=START + 3 * day, amount_minor=16_000),
        )
        before = await campaigns.rows("coupon")
        data = MoveCampaign(uuid_of(CAMPAIGNS["keep"]), None, "pause")
        at = START + 2 * day
        await campaigns.apply(Command(random_id(), program, at, "staff", data))
        after = await campaigns.rows("coupon")
        assert {row["channel"] for row in before} == {1, 2}
        gift = [row for row in before if row["channel"] == 1]
        assert [row for row in after if row["channel"] == 1] == gift
        assert [row["state"] for row in after] != [row["state"] for row in before]
        assert await campaigns.violations() == []
