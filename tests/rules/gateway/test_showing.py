"""To whom the module on a shop's page says what."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.decoration.settings import Module
from services.gateway.embed.model import Gift, GiftCoupon, Standing, Visitor
from services.gateway.embed.rules.showing import shown
from tests.builders.decoration import an_image

GIFT = Gift("Welcome", (GiftCoupon("Ten off", 1000, 0),))
SILVER = Standing("silver", 1280)
PROGRAM = "prg_agojyzjeabykvaaaaaaaaaaaae"
MODULES = st.sampled_from([
    Module(),
    Module(mode="custom", text="入会有礼"),
    Module.model_validate({"mode": "custom", "text": "A", "image": an_image()}),
])
VISITORS = st.builds(
    Visitor,
    known=st.booleans(),
    member=st.sampled_from([None, SILVER]),
    may_join=st.booleans(),
    gift=st.sampled_from([None, GIFT]),
)


@given(MODULES, VISITORS)
def test_members_always_see_it_others_only_what_they_could_have(
    module: Module, visitor: Visitor
) -> None:
    found = shown(module, visitor, PROGRAM)
    assert found.visible == (
        visitor.member is not None or (visitor.may_join and visitor.gift is not None)
    )
    if not found.visible:
        assert (found.text, found.gift, found.tier, found.points, found.href) == (None,) * 5
    if visitor.member is not None:
        assert (found.state, found.tier, found.points) == ("member", "silver", 1280)
        assert (found.text, found.gift) == (None, None)


def test_smart_shows_the_gift_before_a_standard_picture() -> None:
    visitor = Visitor(known=True, may_join=True, gift=GIFT)
    found = shown(Module(background="pine", text="unused"), visitor, PROGRAM)
    assert (found.state, found.gift, found.text) == ("eligible", GIFT, None)
    assert (found.background, found.href) == ("pine", f"/m/{PROGRAM}/join")


def test_custom_shows_the_shops_words_before_its_own_picture() -> None:
    module = Module.model_validate({"mode": "custom", "text": "入会有礼", "image": an_image()})
    found = shown(module, Visitor(known=False, may_join=True, gift=GIFT), PROGRAM)
    assert (found.state, found.gift, found.text) == ("guest", None, "入会有礼")
    assert found.background == f"/media/{PROGRAM}/{'a' * 64}.jpg"
