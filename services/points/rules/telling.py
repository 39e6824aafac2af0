"""An entry in one sentence, for the member. Chinese and English."""

from datetime import datetime, timedelta
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision

from services.points.model import Entry, EntryKind, Purchase, SourceKind
from services.points.rules.explaining import Explanation
from shared.amounts import BASIS_POINTS
from shared.days import local_day
from shared.programs import Program


def sentence(
    program: Program,
    entry: Entry,
    purchase: Purchase | None,
    made: Explanation | None,
    language: str,
) -> str:
    """E.g. `Order C-1003: ¥200.00 -> 200 x 1.5 = 300 points (silver)`."""
    if purchase is None or made is None:
        return _plain(program, entry, language)
    if entry.kind == EntryKind.EARN:
        return _earned(program, purchase, made, language)
    change = made.award_after - made.award_before
    if language == "zh":
        was, now = made.award_before, made.award_after
        return f"订单 {purchase.order_no}：{was} → {now} 积分（{change:+d}）"
    return (
        f"Order {purchase.order_no}: {made.award_before} -> {made.award_after} points ({change:+d})"
    )


def _earned(program: Program, purchase: Purchase, made: Explanation, language: str) -> str:
    base = next(step for step in made.steps if step.rule == "base")
    tier = next(step for step in made.steps if step.rule == "tier")
    amount = money(program, base.figures["eligible_minor"], language)
    factor = f"{Decimal(tier.figures['bp']) / BASIS_POINTS:f}"
    points = made.award_after
    name = tier.figures["tier"]
    if language == "zh":
        tail = f"（{name}）" if name else ""
        return (
            f"订单 {purchase.order_no}：{amount} → {base.points} × {factor} = {points} 积分{tail}"
        )
    tail = f" ({name})" if name else ""
    return (
        f"Order {purchase.order_no}: {amount} -> {base.points} x {factor} = {points} points{tail}"
    )


def _plain(program: Program, entry: Entry, language: str) -> str:
    kind, source = EntryKind(entry.kind), SourceKind(entry.source_kind)
    day = local_day(_last_valid(entry) if source is SourceKind.LOT else entry.at, program.zone)
    if language == "zh":
        word = {"check-in": "签到", "lot": "过期"}.get(source.label, source.label)
        return f"{day} {word}：{entry.amount:+d} 积分"
    word = {"check-in": "Check-in", "lot": "Expiry"}.get(source.label, kind.label)
    return f"{word} on {day}: {entry.amount:+d} points"


def _last_valid(entry: Entry) -> datetime:
    """Points lapse at 24:00: the day is the one that ended, not the one that began."""
    return entry.at - timedelta(milliseconds=1)


def money(program: Program, minor: int, language: str) -> str:
    """An amount in the program's currency, as people write it."""
    locale = "zh_CN" if language == "zh" else "en"
    digits: int = get_currency_precision(program.currency)
    text: str = format_currency(Decimal(minor).scaleb(-digits), program.currency, locale=locale)
    return text.replace("CN¥", "¥")
