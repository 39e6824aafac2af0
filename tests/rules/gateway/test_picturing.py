"""Pictures: what is taken, and what is left of it."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.gateway.decoration.model import Kind, Picture, Use
from services.gateway.decoration.pictures import remade
from services.gateway.decoration.rules.picturing import SHAPES, refusal
from shared.outcome import Refused
from tests.builders.pictures import a_picture

USES = st.sampled_from(sorted(SHAPES))


def reopened(picture: Picture | Refused) -> Image.Image:
    """A picture that was taken, as a browser gets it."""
    assert isinstance(picture, Picture)
    return Image.open(BytesIO(picture.body))


def code(picture: Picture | Refused) -> str:
    """Why a picture was not taken."""
    assert isinstance(picture, Refused)
    assert picture.status == 422
    return picture.code


@given(USES, st.sampled_from(["jpg", "png", None]), st.integers(1, 3000), st.integers(1, 3000))
def test_exactly_one_size_of_each_use_is_taken(
    use: Use, kind: Kind | None, width: int, height: int
) -> None:
    shape = SHAPES[use]
    right = kind in shape.kinds and (width, height) == (shape.width, shape.height)
    assert (refusal(use, kind, width, height) is None) == right
    assert refusal(use, shape.kinds[0], shape.width, shape.height) is None


@pytest.mark.parametrize(
    ("use", "picture", "expected"),
    [
        ("card", a_picture(1404, 701), "image-size"),
        ("card", a_picture(700, 1404), "image-size"),
        ("poster", a_picture(1402, 400, "PNG"), "image-type"),
        ("poster", a_picture(1402, 400, "WEBP"), "image-type"),
        ("card", a_picture(1404, 700, "GIF"), "image-type"),
        ("card", b"", "image-type"),
        ("card", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image-type"),
        ("card", a_picture(1404, 700)[:900], "image-type"),
    ],
)
def test_each_fault_has_its_code(use: Use, picture: bytes, expected: str) -> None:
    assert code(remade(use, picture)) == expected


def test_a_picture_of_too_many_pixels_is_refused_by_its_head_alone() -> None:
    head = a_picture(1404, 700, "PNG")[:64]
    bomb = head[:16] + (60_000).to_bytes(4, "big") * 2 + head[24:]
    assert isinstance(remade("card", bomb), Refused)


def test_nothing_but_the_pixels_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera of Anna"
    found = remade("card", a_picture(1404, 700, exif=exif, comment=b"secret place"))
    assert isinstance(found, Picture)
    assert found.file.endswith(".jpg")
    assert b"Anna" not in found.body
    assert b"secret" not in found.body
    assert reopened(found).size == (1404, 700)


def test_what_a_phone_took_lying_is_stood_up() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert reopened(remade("card", a_picture(700, 1404, exif=exif))).size == (1404, 700)


def test_one_picture_has_one_name() -> None:
    one, two = (remade("module", a_picture(702, 110, "PNG")) for _ in range(2))
    assert isinstance(one, Picture)
    assert one == two
    other = remade("module", a_picture(702, 110, "JPEG"))
    assert isinstance(other, Picture)
    assert other.file != one.file
