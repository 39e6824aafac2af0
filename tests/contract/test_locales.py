"""The texts of both entries: the same keys in both languages, none missing, none outside."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.gateway.staff.rules.roles import PERMISSIONS

SOURCE = Path(__file__).resolve().parents[2] / "web" / "src"
ENTRIES = {"console": (("",), 300), "member": (("member.", "member.own."), 100)}
"""By folder: how its locale files begin, and how many keys its code names at least."""
LITERAL = re.compile(r"""\bt\(\s*["']([\w.-]+)["']""")
BUILT = re.compile(r"\bt\(\s*`([\w.-]+)\.\$\{")
HAN = re.compile(r"[\u3400-\u9fff]")
PLACE = re.compile(r"\{(\w+)\}")


def leaves(texts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Every key with its text."""
    for key, value in texts.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def code_of(*folders: str) -> list[Path]:
    """The files of some folders."""
    kinds = ("*.vue", "*.ts")
    return sorted(
        path for name in folders for kind in kinds for path in (SOURCE / name).rglob(kind)
    )


def texts_of(entry: str, language: str) -> dict[str, str]:
    """The texts of an entry by their keys."""
    files = [SOURCE / "locales" / f"{before}{language}.json" for before in ENTRIES[entry][0]]
    return {
        key: text for file in files for key, text in leaves(json.loads(file.read_text("utf-8")))
    }


@pytest.mark.parametrize("entry", ENTRIES)
def test_both_languages_have_the_same_keys_and_places(entry: str) -> None:
    """What is filled into a text is the same, too."""
    chinese, english = texts_of(entry, "zh-CN"), texts_of(entry, "en")
    assert chinese.keys() == english.keys()
    assert all(text.strip() or key == "list.comma" for key, text in english.items())
    for key, text in chinese.items():
        if key != "tiers.payHint":  # 9 折 and 10 % off say one thing by different numbers
            assert set(PLACE.findall(text)) == set(PLACE.findall(english[key])), key


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_key_that_the_code_names_is_there(entry: str) -> None:
    """Those that both entries name in each of them."""
    code = code_of(entry, "shared")
    used = {key for path in code for key in LITERAL.findall(path.read_text("utf-8"))}
    groups = {key for path in code for key in BUILT.findall(path.read_text("utf-8"))}
    known = texts_of(entry, "en")
    assert len(used) > ENTRIES[entry][1]
    assert not sorted(used - known.keys())
    missing = [group for group in groups if not any(key.startswith(f"{group}.") for key in known)]
    assert not missing


def test_every_permission_has_a_word() -> None:
    """The page of roles and the page without permission tell it."""
    words = texts_of("console", "en")
    assert not [each for each in PERMISSIONS if f"words.permission.{each}" not in words]


@pytest.mark.parametrize("path", code_of("shared", *ENTRIES), ids=lambda path: path.name)
def test_no_chinese_stands_outside_the_locales(path: Path) -> None:
    assert not HAN.search(path.read_text("utf-8"))
