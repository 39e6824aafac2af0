"""An entry in one sentence, in Chinese and in English."""

import pytest

from services.points.model import Entry, EntryKind
from services.points.rules.explaining import why
from services.points.rules.telling import money, sentence
from services.points.settings import PointsSettings
from shared.ids import uuid_of
from tests.builders.events import instant
from tests.builders.ledger import Ledger
from tests.builders.members import a_link, a_tier_change, member
from tests.builders.programs import PROGRAM, a_program
from tests.builders.storefront import a_check_in, a_refund, an_order, order_id
from tests.rules.points.facts import DAY, NOON

WHO = uuid_of(member())


def a_ledger() -> Ledger:
    """An order at silver, refunded in part; a check-in; a lapse."""
    ledger = Ledger(PointsSettings(validity="days:1"))
    ledger.apply(
        a_tier_change(PROGRAM, [(NOON - DAY, "silver")]),
        a_link(PROGRAM, since=NOON - DAY),
        an_order(PROGRAM, at=NOON, amount_minor=20_000),
        a_refund(PROGRAM, at=NOON + DAY, lines=[("1", 1, 10_000)]),
        a_check_in(PROGRAM, at=NOON),
    )
    ledger.sweep(instant("2026-03-02 16:00"), WHO)
    return ledger


def told(ledger: Ledger, entry: Entry, language: str) -> str:
    """The sentence of an entry."""
    purchase = ledger.purchase(order_id(PROGRAM, "A-1")) if entry.order_id else None
    return sentence(ledger.program, entry, purchase, ledger.explain(entry), language)


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "en",
            [
                "Order A-1: ¥200.00 -> 200 x 1.5 = 300 points (silver)",
                "Order A-1: 300 -> 150 points (-150)",
                "Check-in on 2026-03-01: +5 points",
                "Expiry on 2026-03-02: -5 points",
                "Expiry on 2026-03-02: -150 points",
            ],
        ),
        (
            "zh",
            [
                "订单 A-1：¥200.00 → 200 × 1.5 = 300 积分（silver）",
                "订单 A-1：300 → 150 积分（-150）",
                "2026-03-01 签到：+5 积分",
                "2026-03-02 过期：-5 积分",
                "2026-03-02 过期：-150 积分",
            ],
        ),
    ],
)
def test_each_entry_says_where_it_comes_from(language: str, sentences: list[str]) -> None:
    ledger = a_ledger()
    assert [told(ledger, entry, language) for entry in ledger.entries(WHO)] == sentences


def test_an_expiry_is_told_with_the_last_day_on_which_the_points_were_valid() -> None:
    ledger = a_ledger()
    lapsed = [entry for entry in ledger.entries(WHO) if entry.kind == EntryKind.EXPIRE]
    assert {entry.at for entry in lapsed} == {instant("2026-03-03T00:00:00+08:00")}
    assert all("2026-03-02" in told(ledger, entry, "en") for entry in lapsed)


@pytest.mark.parametrize(
    ("currency", "minor", "zh", "en"),
    [
        ("CNY", 123_456, "¥1,234.56", "¥1,234.56"),
        ("JPY", 1_234, "JP¥1,234", "¥1,234"),
        ("GBP", 5, "£0.05", "£0.05"),
        ("KWD", 1_234, "KWD1.234", "KWD1.234"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(
    currency: str, minor: int, zh: str, en: str
) -> None:
    program = a_program(currency=currency)
    assert (money(program, minor, "zh"), money(program, minor, "en")) == (zh, en)


def test_the_tier_before_an_order_is_named_with_its_local_instant() -> None:
    figures = {"tier": "gold", "since": "2026-03-01T02:00:00.000Z"}
    program = a_program()
    assert why(program, figures, "en") == "gold since 1 March 10:00, before this order"
    assert why(program, figures, "zh") == "自3月1日 10:00 起为 gold，早于此订单"
    nothing = {"tier": None, "since": None}
    assert why(program, nothing, "en") == "no tier before this order"
    assert why(program, nothing, "zh") == "此订单之前没有等级"


def test_every_kind_of_entry_can_be_told() -> None:
    ledger = a_ledger()
    kinds = {EntryKind(entry.kind) for entry in ledger.entries(WHO)}
    assert kinds == {EntryKind.EARN, EntryKind.CLAW_BACK, EntryKind.ACTIVITY, EntryKind.EXPIRE}
