"""Which statement about each purpose holds: the latest by its own instant (members 4.6).

| said of a purpose | holds |
|---|---|
| nothing | nothing: no consent is presumed |
| granted in March, withdrawn in May | withdrawn |
| withdrawn in May, and later it becomes known: granted in March | withdrawn |
| granted and withdrawn at one instant | withdrawn |

So it does not matter in which order statements become known, or how often.
"""

from collections.abc import Iterable

from services.members.consent.model import GRANTED, Consent


def holding(consents: Iterable[Consent]) -> dict[str, Consent]:
    """By purpose the statement that holds."""
    latest: dict[str, Consent] = {}
    for consent in consents:
        before = latest.get(consent.purpose)
        if before is None or _place(before) < _place(consent):
            latest[consent.purpose] = consent
    return dict(sorted(latest.items()))


def agreed(consents: Iterable[Consent], purpose: str) -> bool:
    """Whether a member agrees to a purpose now."""
    found = holding(consents).get(purpose)
    return found is not None and found.state == GRANTED


def _place(consent: Consent) -> tuple[object, bool]:
    """In time; at one instant what is withdrawn comes last."""
    return consent.at, consent.state != GRANTED
