"""Who may decide about a proposal, and until when."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.gateway.approvals.decide import LASTS, decide, lapsed
from services.gateway.approvals.model import Approval, Verdict
from shared.ids import derive
from shared.outcome import Refused
from tests.builders.events import instant

NOW = instant("2026-03-01 10:00")
LATER = NOW + timedelta(hours=1)


def proposal(**more: Any) -> Approval:
    """Something that Li proposed."""
    made = Approval(
        approval_id=derive("approval"),
        program=None,
        kind="staff.grant-owner",
        target="stf_x",
        body=b"{}",
        state="pending",
        proposed_by="stf_li",
        proposed_at=NOW,
    )
    return replace(made, **more)


@pytest.mark.parametrize("verdict", ["approved", "rejected"])
def test_another_person_decides(verdict: Verdict) -> None:
    decided = decide(proposal(), "stf_wang", verdict, LATER, "fine")
    assert decided == proposal(
        state=verdict, decided_by="stf_wang", decided_at=LATER, reason="fine"
    )


@pytest.mark.parametrize(
    ("approval", "by", "at", "code", "status"),
    [
        (proposal(), "stf_li", LATER, "second-person", 403),
        (proposal(state="approved"), "stf_wang", LATER, "state-conflict", 409),
        (proposal(state="rejected"), "stf_wang", LATER, "state-conflict", 409),
        (proposal(), "stf_wang", NOW + LASTS, "state-conflict", 409),
    ],
)
def test_nobody_decides_alone_twice_or_late(
    approval: Approval, by: str, at: Any, code: str, status: int
) -> None:
    for verdict in ("approved", "rejected"):
        refused = decide(approval, by, verdict, at, None)
        assert isinstance(refused, Refused)
        assert (refused.code, refused.status) == (code, status)


def test_a_proposal_lapses_after_a_day() -> None:
    assert not lapsed(proposal(), NOW + LASTS - timedelta(seconds=1))
    assert lapsed(proposal(), NOW + LASTS)
    assert not lapsed(proposal(state="approved"), NOW + LASTS)
