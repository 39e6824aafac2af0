"""Why an order gives nothing: one word for each reason, none where it gives something."""

import pytest

from services.points.model import Purchase
from services.points.rules.lacking import lacking
from services.points.settings import Exclusions, PointsSettings
from shared.events.envelope import Event
from shared.settings.versions import Version, Versions
from tests.builders.ledger import Ledger
from tests.builders.members import a_link
from tests.builders.programs import PROGRAM
from tests.builders.storefront import a_cancellation, a_refund, an_order
from tests.rules.points.facts import DAY, NOON

BEFORE = NOON - 30 * DAY
LINK = a_link(PROGRAM, since=BEFORE)
ORDER = an_order(PROGRAM, at=NOON, amount_minor=10_000)


def word(*events: Event, settings: PointsSettings | None = None) -> str | None:
    """What is lacking of the one order, after these events."""
    ledger = Ledger(settings)
    for event in events:
        ledger.apply(event)
    (purchase,) = ledger.rows(Purchase)
    return lacking(ledger.program, purchase)


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ((LINK, ORDER), None),
        ((LINK, ORDER, a_refund(PROGRAM, at=NOON + DAY, scope="full")), "refunded"),
        ((LINK, ORDER, a_cancellation(PROGRAM, at=NOON + DAY)), "cancelled"),
        ((a_cancellation(PROGRAM, at=NOON),), "not-completed"),
        ((an_order(PROGRAM, at=NOON, buyer=None),), "guest"),
        ((ORDER,), "no-member"),
        ((a_link(PROGRAM, since=NOON + DAY), ORDER), "before-link"),
        ((LINK, an_order(PROGRAM, at=NOON, amount_minor=99)), "below-unit"),
        ((LINK, an_order(PROGRAM, at=NOON, currency="USD")), "other-currency"),
    ],
)
def test_each_reason_has_its_word(events: tuple[Event, ...], wanted: str | None) -> None:
    """In the order in which they would have to be mended."""
    assert word(*events) == wanted


def test_what_is_excluded_is_told_from_what_is_too_little() -> None:
    """Nothing of it counts, whatever it came to."""
    settings = PointsSettings(validity="never", exclude=Exclusions(kinds=("goods",)))
    assert word(LINK, ORDER, settings=settings) == "excluded"


def test_an_order_before_any_rules_says_so() -> None:
    """Rules that came later do not judge it."""
    later = Version(1, NOON + DAY, PointsSettings(validity="never"))
    ledger = Ledger(Versions((later,)))
    for event in (LINK, ORDER):
        ledger.apply(event)
    (purchase,) = ledger.rows(Purchase)
    assert lacking(ledger.program, purchase) == "no-rules"
