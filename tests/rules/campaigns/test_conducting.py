"""What staff's commands write of a campaign."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import Stock, Template
from services.campaigns.model import (
    Campaign,
    CampaignMove,
    CampaignState,
    CampaignVersion,
    CreateCampaign,
    SaveDraft,
)
from services.campaigns.rules.conducting import begin, move, save
from services.campaigns.rules.running import runs_at
from services.campaigns.settings import encode_body, read_body
from tests.builders.promises import YEAR, a_gift, a_template, an_order_campaign
from tests.rules.campaigns.facts import a_campaign, a_command, a_draft, a_promise, march, uuid

ID = uuid("campaign")
GIFT = encode_body(read_body(a_gift(a_template(stock=50), a_template(), name="Welcome")))
ORDERS = encode_body(read_body(an_order_campaign()))


def test_a_new_draft_is_kept_with_its_first_body() -> None:
    draft = a_draft()
    found = save(draft, CreateCampaign(ID, GIFT, *YEAR), a_command(march(1)))
    assert found == Campaign(
        1, ID, "new-member-gift", "Welcome", CampaignState.DRAFT, *YEAR, 1, 1, 0, march(1)
    )
    assert draft.written(Campaign) == [found]
    version = CampaignVersion(1, ID, 1, GIFT, "usr_ann", march(1))
    assert draft.written(CampaignVersion) == [version]


def test_saved_again_it_has_another_body_and_keeps_the_first() -> None:
    draft, known = a_draft(), a_campaign(version=2, revision=5, state=CampaignState.DRAFT)
    wanted = SaveDraft(ID, 5, GIFT, march(2), march(9))
    found = save(draft, wanted, a_command(march(1)), known)
    assert (found.version, found.revision) == (3, 6)
    assert (found.kind, found.starts_at, found.ends_at) == ("new-member-gift", march(2), march(9))
    (version,) = draft.written(CampaignVersion)
    assert version.key == (1, ID, 3)


def test_a_confirmation_makes_a_template_for_each_coupon_and_a_counter_of_its_stock() -> None:
    draft, ids = a_draft(), [uuid("one"), uuid("two"), uuid("spare")]
    promise = begin(draft, a_campaign(), GIFT, ids)
    body = read_body(a_gift(a_template(stock=50), a_template()))
    assert promise.templates == (
        Template(1, ids[0], ID, 1, body.coupons[0]),
        Template(1, ids[1], ID, 2, body.coupons[1]),
    )
    assert draft.written(Template) == list(promise.templates)
    assert draft.written(Stock) == [Stock(1, ids[0], 50)]


@pytest.mark.parametrize("ids", [[], [uuid("one")]])
def test_every_template_has_an_id(ids: list[UUID]) -> None:
    with pytest.raises(AssertionError):
        begin(a_draft(), a_campaign(), GIFT, ids)


def test_a_move_is_one_line_more_under_the_next_revision() -> None:
    draft, promise = a_draft(), a_promise(revision=4)
    moved = move(draft, promise, CampaignState.PAUSED, a_command(march(5)), "out of stock")
    (line,) = draft.written(CampaignMove)
    assert line == CampaignMove(1, ID, 1, CampaignState.PAUSED, march(5), "usr_ann", "out of stock")
    assert moved.moves == (line,)
    assert draft.written(Campaign) == [moved.campaign]
    assert (moved.campaign.state, moved.campaign.moves, moved.campaign.revision) == (
        CampaignState.PAUSED,
        1,
        5,
    )


@given(st.lists(st.booleans(), max_size=6))
def test_it_runs_as_the_last_move_says(pauses: list[bool]) -> None:
    promise = a_promise()
    for day, paused in enumerate(pauses, 1):
        state = CampaignState.PAUSED if paused else CampaignState.CONFIRMED
        promise = move(a_draft(), promise, state, a_command(march(day)), None)
    assert [line.no for line in promise.moves] == list(range(1, len(pauses) + 1))
    assert runs_at(promise, march(10)) == (not pauses or not pauses[-1])
    assert encode_body(promise.body) == ORDERS
