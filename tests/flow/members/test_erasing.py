"""A member is forgotten: what goes, what stays, and what comes late."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.members import sweeps
from services.members.model import CancelErasure, Forgetting, JoinOpen, RequestErasure
from shared.db.transaction import transaction
from shared.events.envelope import Event
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_erased import MemberErased
from shared.events.storefront.parts import Identity
from shared.flow import Command, Due, Fold
from shared.ids import derive, text_id, uuid_of
from shared.outcome import APPLIED, Refused
from shuke.services import SERVICES
from tests.builders.contacts import Profiles, boxed, new_keys
from tests.builders.events import instant
from tests.builders.storefront import STORE, a_refund, an_order, an_update, customer
from tests.flow.harness import HISTORIES, Harness, harness

DAY = timedelta(days=1)
NOON = instant("2026-03-10 04:00")
ASKED = NOON + 10 * DAY
ERASED_AT = instant("2026-03-24 16:00")
"""The end of the first local day that begins after the 72 hours."""
PHONE = Identity(kind="phone", hash="v1." + "p" * 43, verified=True)
ROUTES = {"routes": [{"route": "auto-first-order"}, {"route": "open"}]}
LADDER = {
    "code": "main",
    "tiers": [
        {"code": "ordinary", "rank": 1, "enter": {"amount_minor": 0}},
        {"code": "silver", "rank": 2, "enter": {"amount_minor": 5_000}},
    ],
}
ANN, BEN = customer("ann"), customer("ben")


@asynccontextmanager
async def told(url: str) -> AsyncIterator[Harness]:
    """A program in which one joins by order or at will."""
    async with harness(SERVICES["members"], url) as members:
        await members.settings("join", ROUTES)
        await members.settings("ladder/main", LADDER)
        yield members


async def ask(members: Harness, wanted: Any, at: datetime) -> Fold:
    """A command of staff."""
    identity = derive("test-command", members.program.text_id, repr(wanted), str(at))
    return await members.apply(Command(identity, members.program.text_id, at, "staff", wanted))


async def the_member(members: Harness) -> Any:
    """The only member there is."""
    (row,) = await members.rows("member")
    return row["member_id"]


async def sweep(members: Harness, boundary: datetime) -> None:
    """The day's erasures are carried out."""
    program = members.program
    due = Due(program.text_id, "erase", str(boundary.date()), boundary, None)
    async with transaction(members.database) as tx:
        dues = await sweeps.due_erasures(tx, program, due, None, 500)
    if dues:
        await members.apply(*dues)


async def erase(members: Harness) -> None:
    """The member asks to be forgotten, and is."""
    await ask(members, RequestErasure(await the_member(members), "member", "leaves"), ASKED)
    await sweep(members, ERASED_AT)


async def test_whatever_is_personal_goes_and_the_rest_stays(
    worker_database: str, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path)
    async with told(worker_database) as members:
        profiles, program = Profiles(members, keys), members.program.text_id
        first = an_order(program, buyer=ANN, at=NOON, amount_minor=6_000, identities=[PHONE])
        await members.apply(boxed(first, keys, name="Ann", phone="+8613800138000"))
        await members.apply(an_order(program, no="B-1", buyer=BEN, at=NOON, identities=[PHONE]))
        await profiles.open_boxes()
        facts = await members.rows("tier_fact")
        segments = await members.rows("tier_segment")
        await erase(members)
        (member,) = await members.rows("member")
        assert (member["status"], member["person_key"]) == ("erased", None)
        for gone in ("identity", "contact", "contact_block", "subject_key"):
            assert await members.rows(gone) == [], gone
        assert await profiles.of(ANN) == {}
        assert await members.rows("tier_fact") == facts
        assert await members.rows("tier_segment") == segments
        assert {row["ended_at"] for row in await members.rows("link")} == {ERASED_AT}
        (spell,) = await members.rows("membership")
        assert (spell["until_at"], spell["end_reason"]) == (ERASED_AT, "erased")
        (erased,) = members.told(MemberErased)
        assert erased.member_id == text_id("mem", member["member_id"])
        assert set(erased.customer_ids) == {ANN, BEN}
        assert erased.at == ERASED_AT
        ended = [each for each in members.told(CustomerLinked) if each.ended_at is not None]
        assert {(each.customer_id, each.ended_at) for each in ended} == {
            (ANN, ERASED_AT),
            (BEN, ERASED_AT),
        }
        assert await members.violations() == []


async def test_within_72_hours_it_is_taken_back_and_not_later(worker_database: str) -> None:
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN, at=NOON))
        member = await the_member(members)
        await ask(members, RequestErasure(member, "member", "leaves"), ASKED)
        (erasure,) = await members.rows("erasure")
        assert erasure["due_at"] == ASKED + timedelta(hours=72)
        cancelling = CancelErasure(member, erasure["erasure_id"])
        late = await ask(members, cancelling, ASKED + timedelta(hours=72))
        (outcome,) = late.outcomes.values()
        assert isinstance(outcome, Refused)
        assert outcome.code == "state-conflict"
        early = await ask(members, cancelling, ASKED + timedelta(hours=71))
        assert list(early.outcomes.values()) == [APPLIED]
        before = await members.rows("member")
        await sweep(members, ERASED_AT)
        assert await members.rows("member") == before
        assert members.told(MemberErased) == []


async def test_nothing_is_carried_out_before_its_time_and_once_after_it(
    worker_database: str,
) -> None:
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN, at=NOON))
        await ask(members, RequestErasure(await the_member(members), "member", "x"), ASKED)
        await sweep(members, ASKED + timedelta(hours=71))
        assert members.told(MemberErased) == []
        for boundary in (ERASED_AT, ERASED_AT, ERASED_AT + DAY):
            await sweep(members, boundary)
        assert len(members.told(MemberErased)) == 1


async def test_who_asks_twice_or_is_nobody_is_refused(worker_database: str) -> None:
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN, at=NOON))
        member = await the_member(members)
        await ask(members, RequestErasure(member, "member", "x"), ASKED)
        rows = await members.rows("erasure")
        for at, wanted, code in (
            (ASKED + DAY, member, "state-conflict"),
            (ASKED, derive("nobody"), "not-found"),
        ):
            fold = await ask(members, RequestErasure(wanted, "member", "again"), at)
            (outcome,) = fold.outcomes.values()
            assert isinstance(outcome, Refused)
            assert outcome.code == code
        await sweep(members, ERASED_AT)
        fold = await ask(members, RequestErasure(member, "member", "once more"), ASKED + 20 * DAY)
        (outcome,) = fold.outcomes.values()
        assert isinstance(outcome, Refused)
        assert len(await members.rows("erasure")) == len(rows)


async def test_a_replay_after_it_creates_no_personal_data(
    worker_database: str, tmp_path: Path
) -> None:
    """Boxes of before are never opened, hashes not learned; what is paid then completes later."""
    keys = new_keys(tmp_path)
    async with told(worker_database) as members:
        profiles, program = Profiles(members, keys), members.program.text_id
        joined = boxed(an_order(program, buyer=ANN, at=NOON, identities=[PHONE]), keys, name="Ann")
        await members.apply(joined)
        await profiles.open_boxes()
        await erase(members)
        late = [
            boxed(an_update(program, buyer=ANN, at=at, identities=[PHONE]), keys, name="Ann")
            for at in (NOON + DAY, ERASED_AT)
        ]
        policy = an_order(program, no="A-9", buyer=ANN, at=ERASED_AT + DAY)
        waiting = boxed(policy, keys, told_at=NOON, name="Ann")
        await members.apply(joined, *late)
        await members.apply(waiting)
        await profiles.open_boxes()
        for gone in ("identity", "contact", "contact_block", "subject_key"):
            assert await members.rows(gone) == [], gone
        assert profiles.boxes("erased") == 1


async def test_what_comes_afterwards_is_of_a_customer_who_is_nobodys(
    worker_database: str, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path)
    async with told(worker_database) as members:
        profiles, program = Profiles(members, keys), members.program.text_id
        await members.apply(an_order(program, buyer=ANN, at=NOON))
        await erase(members)
        facts = await members.rows("tier_fact")
        after = an_order(program, no="A-2", buyer=ANN, at=ERASED_AT + DAY)
        await members.apply(boxed(after, keys, name="Anna"))
        await profiles.open_boxes()
        assert await members.rows("tier_fact") == facts
        assert len(await members.rows("member")) == 1
        assert await profiles.of(ANN) == {"name": "Anna"}


async def test_who_joins_anew_with_the_same_phone_gets_another_id(worker_database: str) -> None:
    """By an order under another customer, by the API, by a wish at the shop; and again."""
    async with told(worker_database) as members:
        program = members.program.text_id
        await members.apply(an_order(program, buyer=ANN, at=NOON, identities=[PHONE]))
        first = await the_member(members)
        await erase(members)
        later = ERASED_AT + DAY
        again = an_order(program, no="B-1", buyer=BEN, at=later, identities=[PHONE])
        await members.apply(again)
        (second,) = [
            row["member_id"] for row in await members.rows("member") if row["status"] == "active"
        ]
        assert second != first
        wish = an_update(program, buyer=ANN, at=later + DAY, joins=True, identities=[PHONE])
        await members.apply(wish)
        links = {
            (row["customer_id"], row["member_id"])
            for row in await members.rows("link")
            if row["ended_at"] is None
        }
        assert links == {(uuid_of(ANN), second), (uuid_of(BEN), second)}
        await ask(members, RequestErasure(second, "member", "again"), later + 2 * DAY)
        await sweep(members, later + 10 * DAY)
        store = uuid_of(STORE)
        await ask(members, JoinOpen(uuid_of(BEN), store), later + 20 * DAY)
        statuses = sorted(row["status"] for row in await members.rows("member"))
        assert statuses == ["active", "erased", "erased"]
        assert len({row["member_id"] for row in await members.rows("member")}) == 3
        assert await members.violations() == []


HISTORY = st.lists(
    st.sampled_from(["early", "late", "update", "refund", "order-2", "order-3"]),
    unique=True,
    min_size=1,
)


def event_of(program: str, what: str) -> Event:
    """Something that happened before the erasure."""
    match what:
        case "early":  # of before the joining: moves it back
            return an_order(program, no="A-0", buyer=ANN, at=NOON - DAY, identities=[PHONE])
        case "late":
            return an_order(program, no="A-9", buyer=ANN, at=ERASED_AT - timedelta(hours=1))
        case "update":
            return an_update(program, buyer=ANN, at=NOON + DAY, joins=True, identities=[PHONE])
        case "refund":
            return a_refund(
                program, order="A-1", buyer=ANN, at=NOON + 2 * DAY, lines=[("1", 1, 1_000)]
            )
        case _:
            day = NOON + int(what[-1]) * DAY
            return an_order(program, no=what, buyer=ANN, at=day, amount_minor=3_000)


async def ends(url: str, before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    """Where members ends when these come before the erasure, and those after it."""
    async with told(url) as members:
        program = members.program.text_id
        await members.apply(an_order(program, no="A-1", buyer=ANN, at=NOON, amount_minor=3_000))
        for what in before:
            await members.apply(event_of(program, what))
        await erase(members)
        for what in after:
            await members.apply(event_of(program, what))
        assert await members.violations() == []
        ids = {row["order_id"]: row["completed_at"] for row in await members.rows("order_seen")}
        return {
            "member": [
                (row["status"], row["effective_from"], row["person_key"], row["route"])
                for row in await members.rows("member")
            ],
            "facts": sorted(
                (ids[row["order_id"]], row["kind"], row["at"], row["amount"], row["orders"])
                for row in await members.rows("tier_fact")
                if row["orders"] or row["amount"]
            ),
            "tiers": [
                (row["from_at"], row["tier"])
                for row in await members.rows("tier_segment", "from_at, no")
                if row["superseded_by"] is None
            ],
            "links": [
                (row["qualifies_from"], row["earns_from"], row["ended_at"])
                for row in await members.rows("link")
            ],
            "spells": [(r["from_at"], r["until_at"]) for r in await members.rows("membership")],
            "personal": [await members.rows(t) for t in ("identity", "contact", "subject_key")],
            "seen": [
                (row["first_seen"], row["last_seen"], row["erased_at"])
                for row in await members.rows("customer")
            ],
        }


@HISTORIES
@given(st.data())
async def test_what_happened_before_it_counts_whenever_it_is_told(
    worker_database: str, data: st.DataObject
) -> None:
    history = data.draw(HISTORY)
    shuffled = data.draw(st.permutations(history))
    cut = data.draw(st.integers(0, len(shuffled)))
    in_time = await ends(worker_database, history, [])
    late = await ends(worker_database, shuffled[:cut], shuffled[cut:])
    assert late == in_time


async def test_a_repeat_of_the_sweep_changes_nothing(worker_database: str) -> None:
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN, at=NOON))
        await erase(members)
        before = [await members.rows(table) for table in ("member", "link", "erasure", "customer")]
        (erasure,) = await members.rows("erasure")
        due = Due(members.program.text_id, "erase", "2026-03-25", ERASED_AT + DAY, None)
        again = replace(
            due,
            key=erasure["erasure_id"],
            data=Forgetting(erasure["member_id"], (uuid_of(ANN),)),
        )
        await members.apply(again)
        after = [await members.rows(table) for table in ("member", "link", "erasure", "customer")]
        assert after == before
