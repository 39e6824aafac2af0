"""What a member agrees to is recorded, and told (members 4.6).

| asked | then |
|---|---|
| a purpose granted or withdrawn | one more statement; the latest by its instant holds |
| the same statement again | nothing more |
| `terms` granted by who joined without | they count as accepted |
| `terms` withdrawn | refused: that is leaving |
| said in the future | refused |

Joining by a wish that names a version of the terms records them likewise.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from services.members.consent.model import (
    GRANTED,
    TERMS,
    WITHDRAWN,
    Channel,
    Consent,
    RecordConsents,
    Statement,
)
from services.members.consent.rules.holding import holding
from services.members.model import ERASED, Member
from services.members.rules.announcing import consented
from services.members.rules.draft import Draft
from services.members.rules.joining import ACCEPTED
from shared.outcome import Refused

SHOP: Final = "shop"


def record(
    draft: Draft, wanted: RecordConsents, at: datetime, said_to: str
) -> Refused | Mapping[str, Consent]:
    """Record statements; what holds then, by purpose.

    Refuses `not-found`, `state-conflict`, `terms-required`, `time-in-future`.
    """
    member = draft.member(wanted.member_id)
    if member is None:
        return Refused("not-found", "No such member.", 404)
    if member.status == ERASED:
        return Refused("state-conflict", "The member is erased.")
    if any(each.purpose == TERMS and each.state == WITHDRAWN for each in wanted.statements):
        return Refused("terms-required", "Who takes the terms back leaves: ask for an erasure.")
    if any(each.at is not None and each.at > at for each in wanted.statements):
        return Refused("time-in-future", "Nothing is said in the future.", 422)
    for each in wanted.statements:
        _add(draft, member, each, each.at or at, said_to)
    said = {row.key: row for row in draft.state.consents.of("member", member.key)}
    said |= {row.key: row for row in draft.written(Consent)}
    return holding(said.values())


def accept(draft: Draft, member: Member, version: str, at: datetime, said_to: str = SHOP) -> None:
    """Record the terms that somebody accepted by joining."""
    channel: Channel = "shop" if said_to == SHOP else "centre"
    _add(draft, member, Statement(TERMS, GRANTED, channel, version, "tick"), at, said_to)


def _add(draft: Draft, member: Member, said: Statement, at: datetime, said_to: str) -> None:
    consent = Consent(
        *member.key,
        purpose=said.purpose,
        at=at,
        state=said.state,
        text_version=said.text_version,
        channel=said.channel,
        evidence=said.evidence,
        said_to=said_to,
    )
    if consent.key in draft.state.consents:
        return
    draft.put(consent)
    draft.events.append(consented(draft.program, consent, draft.cause))
    known = draft.member(member.member_id)
    if said.purpose == TERMS and known is not None and known.terms != ACCEPTED:
        draft.put(replace(known, terms=ACCEPTED))
