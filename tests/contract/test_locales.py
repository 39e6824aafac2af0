"""The texts of the console: the same keys in both languages, none missing, none outside."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "web" / "src"
LOCALES = {name: json.loads((SOURCE / "locales" / f"{name}.json").read_text("utf-8"))
           for name in ("zh-CN", "en")}  # fmt: skip
CODE = sorted(path for kind in ("*.vue", "*.ts") for path in (SOURCE / "console").rglob(kind))
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


TEXTS = {name: dict(leaves(texts)) for name, texts in LOCALES.items()}


def test_both_languages_have_the_same_keys_and_places() -> None:
    """What is filled into a text is the same, too."""
    chinese, english = TEXTS["zh-CN"], TEXTS["en"]
    assert chinese.keys() == english.keys()
    assert all(text.strip() or key == "list.comma" for key, text in english.items())
    for key, text in chinese.items():
        if key != "tiers.payHint":  # 9 折 and 10 % off say one thing by different numbers
            assert set(PLACE.findall(text)) == set(PLACE.findall(english[key])), key


def test_every_key_that_the_code_names_is_there() -> None:
    used = {key for path in CODE for key in LITERAL.findall(path.read_text("utf-8"))}
    groups = {key for path in CODE for key in BUILT.findall(path.read_text("utf-8"))}
    known = TEXTS["en"]
    assert len(used) > 300
    assert not sorted(used - known.keys())
    missing = [group for group in groups if not any(key.startswith(f"{group}.") for key in known)]
    assert not missing


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_no_chinese_stands_outside_the_locales(path: Path) -> None:
    assert not HAN.search(path.read_text("utf-8"))
