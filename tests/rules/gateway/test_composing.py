"""What a decoration must not be, as a draft and once it is published."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.decoration.rules.composing import (
    against_keeping,
    against_publishing,
    pictures,
)
from services.gateway.decoration.rules.counting import characters
from services.gateway.decoration.settings import Decoration
from tests.builders.decoration import BENEFITS, a_decoration, an_image


def a_body(**changed: Any) -> Decoration:
    """A decoration as the rules get it."""
    return Decoration.model_validate(a_decoration(**changed))


def codes(body: Decoration) -> list[tuple[str, str]]:
    """What speaks against keeping it: pointers and codes."""
    return [(each.pointer, each.code) for each in against_keeping(body)]


def test_a_usual_decoration_is_kept_and_published() -> None:
    assert codes(a_body()) == []
    assert against_publishing(a_body(), None) == []


@pytest.mark.parametrize("count", [0, 1, 3])
def test_fewer_than_four_rights_are_refused(count: int) -> None:
    assert codes(a_body(benefits=BENEFITS[:count])) == [("/benefits", "too-few-rights")]


def test_four_times_one_right_is_one_right() -> None:
    found = codes(a_body(benefits=["birthday"] * 4))
    assert found[0] == ("/benefits", "too-few-rights")
    assert found[1:] == [(f"/benefits/{place}", "twice") for place in (1, 2, 3)]


@pytest.mark.parametrize(("posters", "found"), [(3, []), (4, [("/posters", "too-many")])])
def test_a_fourth_poster_is_refused(posters: int, found: list[tuple[str, str]]) -> None:
    poster = {"image": an_image(), "link": None}
    assert codes(a_body(posters=[poster] * posters)) == found


def test_nine_entries_are_refused() -> None:
    assert ("/entries", "too-many") in codes(a_body(entries=["points"] * 9))


@pytest.mark.parametrize(("length", "found"), [(13, []), (14, [("/module/text", "text-too-long")])])
def test_a_guide_text_has_thirteen_characters(length: int, found: list[tuple[str, str]]) -> None:
    assert codes(a_body(module={"text": "熟" * length})) == found


@pytest.mark.parametrize(
    ("length", "found"), [(4_500, []), (4_501, [("/join/text", "text-too-long")])]
)
def test_the_rules_of_joining_have_4500_characters(
    length: int, found: list[tuple[str, str]]
) -> None:
    assert codes(a_body(join={"text": "é" * length})) == found


@given(
    st.integers(0, 30),
    st.sampled_from(["熟", "e\N{COMBINING ACUTE ACCENT}", "👨‍👩‍👧", "🇨🇳", "\r\n"]),
)
def test_a_character_is_what_people_see(count: int, character: str) -> None:
    assert characters(character * count) == count


@given(st.text(max_size=60))
def test_a_text_has_no_more_characters_than_code_points(text: str) -> None:
    assert (characters(text) == 0) == (text == "")
    assert characters(text) <= len(text)


def test_publishing_wants_a_join_text_and_the_text_of_ones_own_mode() -> None:
    body = a_body(join={"text": " "}, module={"mode": "custom"})
    assert codes(body) == []
    found = [(each.pointer, each.code) for each in against_publishing(body, None)]
    assert found == [("/join/text", "required"), ("/module/text", "required")]


def test_pictures_are_told_with_their_places_and_uses() -> None:
    poster = {"image": an_image("b"), "link": "/m"}
    body = a_body(
        card={"image": an_image()}, posters=[poster], module={"image": an_image("c", "png")}
    )
    found = [(pointer, use, image.file[0]) for pointer, use, image in pictures(body)]
    assert found == [
        ("/card/image", "card", "a"),
        ("/posters/0/image", "poster", "b"),
        ("/module/image", "module", "c"),
    ]


@pytest.mark.parametrize(
    "link", ["http://a.example", "//evil.example", "/\\evil", "javascript:alert(1)", "https:///x"]
)
def test_a_link_goes_to_https_or_stays_here(link: str) -> None:
    with pytest.raises(ValueError, match="link"):
        a_body(posters=[{"image": an_image(), "link": link}])
    for good in ("https://shop.example/sale?a=1", "/", "/m/prg_1"):
        assert a_body(posters=[{"image": an_image(), "link": good}]).posters[0].link == good
