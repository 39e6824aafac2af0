"""The READMEs agree, and what they point to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for place in ("*.md", "docs/**/*.md", "examples/*.md", "services/*/README.md", "s*/README.md",
                  "tests/README.md", "shuke/**/*.md")
    for path in ROOT.glob(place)
)  # fmt: skip
ENGLISH, CHINESE = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))


def levels(text: str) -> list[int]:
    """Depth of each heading, in order."""
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [len(found) for found in re.findall(r"^(#+) ", outside, flags=re.MULTILINE)]


def commands(text: str) -> list[str]:
    """Blocks of code, in order."""
    return re.findall(r"```\w+\n(.*?)```", text, flags=re.DOTALL)


def test_both_readmes_have_the_same_headings_and_commands() -> None:
    """What one may do is the same in both languages."""
    assert levels(ENGLISH) == levels(CHINESE)
    assert len(levels(ENGLISH)) > 5
    assert commands(ENGLISH) == commands(CHINESE)


@pytest.mark.parametrize("page", [page for page in PAGES if page.endswith(".zh-CN.md")])
def test_a_page_in_both_languages_has_the_same_headings_and_code(page: str) -> None:
    """Whichever one reads, the commands are the same."""
    chinese = (ROOT / page).read_text("utf-8")
    english = (ROOT / page.replace(".zh-CN", "")).read_text("utf-8")
    assert levels(english) == levels(chinese)
    assert commands(english) == commands(chinese)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_inside_the_project_leads_somewhere(page: str) -> None:
    """Relative links of a page name files or folders that exist."""
    text = (ROOT / page).read_text("utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)[^)]*\)", text)
    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert missing == []


def test_every_target_that_the_pages_name_is_in_the_makefile() -> None:
    """`make something` in a page is a target."""
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    named = {
        word
        for page in PAGES
        for word in re.findall(
            r"(?:^|`)make ([a-z0-9-]+)", (ROOT / page).read_text("utf-8"), re.MULTILINE
        )
    }
    assert named
    assert named <= targets
