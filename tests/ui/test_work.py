"""Work of a shop's team at the console: finding members, a counter, the team itself, long jobs."""

import csv
import re

import pytest
from playwright.sync_api import expect

from shuke.demo.programme import Programme
from tests.e2e.stack import Stack
from tests.ui.conftest import Opening
from tests.ui.harness import NARROW, WIDE, Owner, acting, beside, contact, enter, make_staff

pytestmark = pytest.mark.timeout(240)
TEMPLATE = 6
JOB_MS = 30_000


@pytest.mark.parametrize(
    ("locale", "size", "words"),
    [
        ("zh-CN", WIDE, ("排序", "最早入会在前", "等级", "普通会员", "入会日期从")),
        ("en", NARROW, ("Sort", "Earliest joined first", "Tier", "Ordinary", "Joined from")),
    ],
)
def test_members_are_sorted_and_narrowed_and_the_address_keeps_it(
    box: Stack, colleague: Owner, opening: Opening,
    locale: str, size: tuple[int, int], words: tuple[str, ...],
) -> None:  # fmt: skip
    sort, earliest, tier, ordinary, since = words
    screen = opening(box, locale, size)
    asked: list[str] = []
    screen.page.on("request", lambda request: asked.append(request.url))
    enter(screen, colleague, "/customers?page_size=50")
    listed = [url for url in asked if "/v1/members?" in url]
    assert listed
    assert all("sort=-joined" in url for url in listed)
    screen.field(sort).select_option(label=earliest)
    screen.settled()
    rows = screen.page.locator(".table tbody tr")
    joined = [each.inner_text() for each in rows.locator("td:last-child").all()]
    assert len(joined) > 1
    screen.field(tier).select_option(label=ordinary)
    screen.settled()
    for row in rows.all():
        expect(row).to_contain_text(ordinary)
    expect(screen.page).to_have_url(re.compile("sort=joined.*tier=ordinary"))
    screen.page.reload()
    screen.settled()
    expect(screen.field(sort)).to_have_value("joined")
    screen.field(since).fill("2090-01-01")
    screen.field(since).press("Enter")
    expect(screen.page.locator(".list")).to_contain_text(
        {"zh-CN": "没有符合条件的数据", "en": "Nothing matches"}[locale]
    )
    screen.accessible()
    screen.clean()


@pytest.mark.parametrize(
    ("locale", "size", "words"),
    [
        ("zh-CN", NARROW, ("完整手机号或邮箱", "查询", "下一位", "没有找到会员", "普通会员")),
        ("en", WIDE, ("Whole phone or e-mail", "Look up", "Next customer", "Nobody is known by it",
                      "Ordinary")),
    ],
)  # fmt: skip
def test_a_counter_sees_a_masked_name_and_a_tier_by_its_name(
    box: Stack, programme: Programme, owner: Owner, opening: Opening,
    locale: str, size: tuple[int, int], words: tuple[str, ...],
) -> None:  # fmt: skip
    """Who gives a whole number; nothing of them is left for the next one."""
    del owner
    ask, search, following, nobody, ordinary = words
    email = f"till-{locale}@example.com"
    till = beside(lambda: make_staff(box, programme.program, email, "counter"))
    screen = opening(box, locale, size)
    enter(screen, till, "/counter")
    poorest = contact(0)
    screen.field(ask).fill(poorest["email"])
    screen.press(search)
    card = screen.page.locator("article")
    expect(card).to_contain_text("A***")
    assert poorest["name"] not in card.inner_text()
    assert "mem_" not in card.inner_text()
    screen.accessible()
    screen.press(following)
    expect(card).to_have_count(0)
    expect(screen.field(ask)).to_have_value("")
    screen.field(ask).fill("+86 139 9999 9999")
    screen.press(search)
    expect(screen.page.get_by_text(nobody)).to_be_visible()
    screen.field(ask).fill(contact(29)["phone"])
    screen.press(search)
    expect(card).to_contain_text(re.compile(f"{ordinary}|[银金白钻]|Silver|Gold|Plat|Diam"))
    screen.accessible()
    screen.clean()


def test_a_team_is_made_from_the_template_filled_and_trained(
    box: Stack, colleague: Owner, opening: Opening
) -> None:
    screen = opening(box, "zh-CN", WIDE)
    enter(screen, colleague, "/staff")
    screen.press("岗位与培训")
    screen.press("套用岗位模板")
    screen.page.get_by_role("dialog").get_by_role("button", name="确认", exact=True).click()
    team = screen.page.get_by_role("region", name="岗位与培训").locator("tbody tr")
    expect(team).to_have_count(TEMPLATE)
    expect(team.first).to_contain_text("店长")
    expect(team.first).to_contain_text("空缺")
    team.first.get_by_role("button", name="调整", exact=True).click()
    screen.field("员工").select_option(label="Wu")
    screen.accessible()
    screen.page.get_by_role("dialog").get_by_role("button", name="保存", exact=True).click()
    expect(team.first).to_contain_text("Wu")
    screen.press("安排培训")
    dialog = screen.page.get_by_role("dialog")
    send = dialog.get_by_role("button", name="保存", exact=True)
    expect(send).to_be_disabled()
    screen.field("员工").select_option(label="Wu")
    screen.field("培训内容").fill("退款流程")
    screen.accessible()
    send.click()
    trainings = screen.page.get_by_role("region", name="培训", exact=True).locator("tbody tr")
    expect(trainings).to_have_count(1)
    expect(trainings.first).to_contain_text("进行中")
    trainings.first.get_by_role("button", name="标记通过", exact=True).click()
    screen.page.get_by_role("dialog").get_by_role("button", name="确认", exact=True).click()
    expect(trainings.first).to_contain_text("已通过")
    screen.accessible()
    screen.clean()
    team.last.get_by_role("button", name="移除", exact=True).click()
    screen.page.get_by_role("dialog").get_by_role("button", name="确认", exact=True).click()
    expect(team).to_have_count(TEMPLATE - 1)
    screen.clean()


def test_a_replay_of_many_is_followed_to_its_end(
    box: Stack, colleague: Owner, opening: Opening
) -> None:
    """From the list of deliveries to the jobs, where what is under way is asked again."""
    screen = opening(box, "en", WIDE)
    enter(screen, colleague, "/deliveries")
    screen.press("Replay many")
    screen.page.get_by_role("dialog").get_by_role("button", name="Replay", exact=True).click()
    expect(screen.page.get_by_role("heading", level=1)).to_have_text("Jobs")
    row = screen.page.locator("tbody tr").first
    expect(row).to_contain_text("Done", timeout=JOB_MS)
    expect(row).to_contain_text(re.compile(r"([1-9]\d*) / \1"))
    expect(row).to_contain_text("Failed")
    screen.accessible()
    screen.clean()


@pytest.mark.parametrize(("locale", "size"), [("zh-CN", NARROW), ("en", WIDE)])
def test_what_is_held_about_a_member_is_gathered_and_the_link_shown_once(
    box: Stack, programme: Programme, owner: Owner, opening: Opening,
    locale: str, size: tuple[int, int],
) -> None:  # fmt: skip
    del owner
    ask, reason, kept, ready = {
        "zh-CN": ("导出会员资料", "原因", "已保存，关闭", "可下载"),
        "en": ("Export member data", "Reason", "Kept, close", "Ready"),
    }[locale]
    email = f"data-{locale}@example.com"
    officer = beside(lambda: make_staff(box, programme.program, email, "data-officer"))
    screen = opening(box, locale, size)
    enter(screen, officer, "/customers")
    screen.page.locator("tbody a").first.click()
    screen.press(ask)
    dialog = screen.page.get_by_role("dialog")
    send = dialog.get_by_role("button", name=ask, exact=True)
    expect(send).to_be_disabled()
    screen.field(reason).fill("asked by the member")
    send.click()
    expect(screen.page.get_by_text(re.compile("/file\\?key="))).to_be_visible()
    screen.accessible()
    screen.press(kept)
    screen.open("/jobs")
    assert "key=" not in screen.page.locator("main").inner_text()
    expect(screen.page.locator("tbody tr").first).to_contain_text(ready, timeout=JOB_MS)
    screen.accessible()
    screen.clean()


def test_the_audit_is_saved_as_a_table_that_runs_no_formula(
    box: Stack, programme: Programme, owner: Owner, opening: Opening
) -> None:
    """All that the filters leave; a reason that a table program would carry out is text there."""
    email = "auditing@example.com"
    who = beside(lambda: make_staff(box, programme.program, email, "owner"))
    del owner
    with acting(box, who, programme.program) as client:
        found = client.get("/api/members/v1/members").json()["items"][0]["member_id"]
        for number in range(30):
            reason = '=HYPERLINK("http://a.b", 1)' if number == 0 else f"call {number}, again"
            path = f"/api/members/v1/members/{found}/reveals"
            body = {"fields": ["phone"], "reason": reason}
            assert client.post(path, json=body).is_success
    screen = opening(box, "zh-CN", WIDE)
    enter(screen, who, "/audit?action=members.reveal")
    with screen.page.expect_download() as saved:
        screen.press("导出 CSV")
    lines = list(csv.reader(saved.value.path().read_text("utf-8-sig").splitlines()))
    assert saved.value.suggested_filename == "audit.csv"
    assert len({len(line) for line in lines}) == 1
    assert len(lines) > 30
    reasons = {line[lines[0].index("原因")] for line in lines}
    assert '\'=HYPERLINK("http://a.b", 1)' in reasons
    assert "call 29, again" in reasons
    screen.page.emulate_media(media="print")
    expect(screen.page.get_by_role("navigation", name="主导航")).to_be_hidden()
    expect(screen.page.locator(".table tbody tr").first).to_be_visible()
    screen.page.emulate_media(media="screen")
    screen.accessible()
    screen.clean()
