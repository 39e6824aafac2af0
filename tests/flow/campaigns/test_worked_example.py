"""The worked example's coupon: its row, its history and its event, to the last value."""

import json

from shared.events import codec
from shared.events.envelope import Announcement, Event
from shared.http.reading import Reader
from shared.ids import text_id
from shared.verify import verify
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.members import a_joining, a_link
from tests.builders.promises import a_gift, seeded
from tests.builders.storefront import a_line, a_refund, an_order
from tests.flow.harness import Harness, harness

P = "prg_agojyzjeabykvaaaaaaaaaaaae"
CUS = "cus_2d2ualfm4scgnfo43yvkllbsdu"
MEM = "mem_v6exiz6pzobhrhkmmurlr3jugy"
CAMPAIGN = "cmp_agojyzjeabykvaaaaaaaaaaaam"
TEMPLATE = "cpt_agojyzjeabykvaaaaaaaaaaaaq"
COUPON = "cpn_uwsvdc3ya2fo3bjuwbmekq2kbu"
D1 = instant("2026-03-01T02:00")
WELCOME = a_gift({
    "template": "Welcome 10",
    "kind": "amount",
    "face_minor": 1000,
    "threshold_minor": 10000,
    "validity": {"starts_after_days": 0, "lasts_days": 3650},
    "per_member": 1,
    "delivery": "claim",
    "stock": None,
})
ISSUED = json.loads("""
{"specversion": "1.0", "id": "019ca71f-b900-8b33-adcf-e2e57b1aa97c", "source": "/shuke/campaigns",
 "type": "shuke.coupon-issued.v1",
 "time": "2026-03-01T02:00:00.000Z", "subject": "mem_v6exiz6pzobhrhkmmurlr3jugy",
 "datacontenttype": "application/json",
 "programid": "prg_agojyzjeabykvaaaaaaaaaaaae", "partitionkey": "mem_v6exiz6pzobhrhkmmurlr3jugy",
 "causationid": "019ca71f-b900-829a-9b31-b34eec006fc8",
 "data": {"member_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
  "coupon_id": "cpn_uwsvdc3ya2fo3bjuwbmekq2kbu",
  "template_id": "cpt_agojyzjeabykvaaaaaaaaaaaaq", "campaign_id": "cmp_agojyzjeabykvaaaaaaaaaaaam",
  "channel": "new-member-gift",
  "source_kind": "member", "source_id": "mem_v6exiz6pzobhrhkmmurlr3jugy",
  "valid_from": "2026-03-01T02:00:00.000Z",
  "valid_to": "2036-02-27T16:00:00.000Z", "face_minor": 1000, "currency": "CNY"}}
""")


async def test_joining_gives_the_welcome_coupon_of_the_worked_example(fresh_database: str) -> None:
    """Step 1: one coupon, one line of history, one event, with the ids of the document."""
    async with harness(SERVICES["campaigns"], fresh_database, program=P) as campaigns:
        await seeded(campaigns, WELCOME, campaign_id=CAMPAIGN, template_ids=[TEMPLATE])
        await campaigns.apply(
            order_a(), a_joining(P, who=MEM, at=D1), a_link(P, who=MEM, buyer=CUS)
        )
        (coupon,) = await campaigns.rows("coupon")
        (line,) = await campaigns.rows("coupon_history")
        totals = await count(campaigns)
    assert text_id("cpn", coupon["coupon_id"]) == COUPON
    assert text_id("cpt", coupon["template_id"]) == TEMPLATE
    assert text_id("cmp", coupon["campaign_id"]) == CAMPAIGN
    assert text_id("mem", coupon["holder_id"]) == text_id("mem", coupon["source_id"]) == MEM
    assert (coupon["state"], coupon["channel"], coupon["no"], coupon["version"]) == (1, 1, 1, 1)
    assert (coupon["valid_from"], coupon["valid_to"]) == (D1, instant("2036-02-27T16:00"))
    assert (line["no"], line["move"], line["state"], line["at"]) == (1, 1, 1, D1)
    assert [sent(event) for event in campaigns.announced] == [ISSUED]
    assert totals == {"members": 1, "orders": 1, "coupons": 1}


async def test_the_whole_story_leaves_one_coupon_in_both_orders_of_arrival(
    fresh_database: str,
) -> None:
    """Orders, check-in and refund change nothing about it; the refund may come first."""
    later = [
        an_order(P, no="B-1002", buyer=CUS, at=instant("2026-03-03T04:00"), amount_minor=15000),
        an_order(P, no="C-1003", buyer=CUS, at=instant("2026-03-04T10:30"), amount_minor=20000),
    ]
    refund = a_refund(P, no="RA-1", order="A-1001", buyer=CUS, at=instant("2026-03-05T07:00"),
                      lines=[("1", 1, 29980)])  # fmt: skip
    joined = [a_joining(P, who=MEM, at=D1), a_link(P, who=MEM, buyer=CUS)]
    async with harness(SERVICES["campaigns"], fresh_database, program=P) as campaigns:
        await seeded(campaigns, WELCOME, campaign_id=CAMPAIGN, template_ids=[TEMPLATE])
        for event in [refund, order_a(), *joined, *later, order_a()]:
            await campaigns.apply(event)
        totals = await count(campaigns)
        verdicts = await verify(SERVICES["campaigns"], campaigns.database)
    assert totals == {"members": 1, "orders": 3, "coupons": 1}
    assert [sent(event) for event in campaigns.announced] == [ISSUED]
    assert [each for each in verdicts if each.violations] == []


def order_a() -> Event:
    return an_order(
        P,
        no="A-1001",
        buyer=CUS,
        at=D1,
        lines=[
            a_line("1", 59960, sku="LS-01", quantity=2),
            a_line("2", 29000, sku="CB-02", list_minor=34000, discount_minor=5000),
        ],
        shipping_minor=1000,
    )


def sent(announcement: Announcement) -> object:
    return json.loads(codec.encode("campaigns", announcement).value)


async def count(campaigns: Harness) -> dict[str, int]:
    totals = SERVICES["campaigns"].totals
    assert totals is not None
    async with campaigns.database.reading() as connection:
        return await totals(Reader(connection, campaigns.program))
