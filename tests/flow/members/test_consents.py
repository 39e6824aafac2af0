"""What members agree to: recorded once, told, kept when they are forgotten."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.members.consent.model import RecordConsents, Statement
from services.members.model import JoinOpen, RequestErasure
from shared.events.members.member_updated import MemberUpdated
from shared.ids import parse_id, text_id
from shared.outcome import Refused
from tests.builders.events import instant
from tests.builders.storefront import STORE, an_order, an_update, customer
from tests.flow.harness import HISTORIES, Harness
from tests.flow.members.test_erasing import NOON, ask, sweep, the_member, told

DAY = timedelta(days=1)
ANN = customer("ann")


async def agree(members: Harness, *said: Statement, at: datetime = NOON, member: Any = None) -> Any:
    """What becomes of it, and what is told of what holds."""
    wanted = RecordConsents(member or await the_member(members), said)
    fold = await ask(members, wanted, at)
    (outcome,) = fold.outcomes.values()
    return outcome, fold.answer


def updates(members: Harness) -> list[tuple[str, str]]:
    """Purposes and states that were told."""
    return [
        (said.purpose, said.state)
        for each in members.announced
        if isinstance(each.data, MemberUpdated)
        for said in each.data.consents
    ]


async def states(members: Harness) -> list[tuple[str, str, datetime]]:
    """What the ledger holds."""
    rows = await members.rows("consent", "purpose, at, state")
    return [(row["purpose"], row["state"], row["at"]) for row in rows]


async def test_who_joins_accepting_the_terms_has_said_so_in_the_ledger(
    worker_database: str,
) -> None:
    """By the API and by a shop's word; joining by an order accepts nothing."""
    async with told(worker_database) as members:
        store = parse_id("sto", STORE)
        await ask(members, JoinOpen(parse_id("cus", ANN), store, terms="7"), NOON)
        (row,) = await members.rows("consent")
        assert (row["purpose"], row["state"], row["text_version"]) == ("terms", "granted", "7")
        assert (row["at"], row["channel"], row["said_to"]) == (NOON, "centre", ANN)
        assert updates(members) == [("terms", "granted")]
    async with told(worker_database) as members:
        program = members.program.text_id
        await members.apply(an_order(program, buyer=ANN))
        assert await states(members) == []
        await members.apply(an_update(program, buyer=ANN, at=NOON, joins=True, terms="3"))
        (row,) = await members.rows("consent")
        assert (row["text_version"], row["channel"], row["said_to"]) == ("3", "shop", "shop")
        (member,) = await members.rows("member")
        assert member["terms"] == "accepted"


async def test_a_statement_again_is_nothing_more(worker_database: str) -> None:
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN))
        said = Statement("profiling", "granted", "counter", "3", at=NOON - DAY)
        for hour in range(2):
            outcome, answer = await agree(members, said, at=NOON + hour * DAY)
            assert not isinstance(outcome, Refused)
            assert answer["consents"]["profiling"]["state"] == "granted"
        assert await states(members) == [("profiling", "granted", NOON - DAY)]
        assert updates(members) == [("profiling", "granted")]


async def test_an_older_statement_that_becomes_known_late_changes_nothing_that_holds(
    worker_database: str,
) -> None:
    """It is recorded, and told with its own instant."""
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN))
        await agree(members, Statement("profiling", "withdrawn", "staff"))
        late = Statement("profiling", "granted", "shop", at=NOON - DAY)
        _, answer = await agree(members, late, at=NOON + DAY)
        assert answer["consents"]["profiling"]["state"] == "withdrawn"
        assert len(await states(members)) == 2


async def test_terms_that_staff_record_later_are_accepted_and_are_not_taken_back(
    worker_database: str,
) -> None:
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN))
        (before,) = await members.rows("member")
        assert before["terms"] == "pending"
        await agree(members, Statement("terms", "granted", "counter", "2", "signed-form"))
        (member,) = await members.rows("member")
        assert member["terms"] == "accepted"
        outcome, _ = await agree(members, Statement("terms", "withdrawn", "staff"), at=NOON + DAY)
        assert outcome == Refused(
            "terms-required", "Who takes the terms back leaves: ask for an erasure."
        )
        assert len(await states(members)) == 1


async def test_what_cannot_be_recorded_leaves_nothing(worker_database: str) -> None:
    """Of several statements one that is refused takes all with it."""
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN))
        good = Statement("profiling", "granted", "staff")
        ahead = Statement("birthday-care", "granted", "staff", at=NOON + DAY)
        outcome, _ = await agree(members, good, ahead)
        assert (outcome.code, outcome.status) == ("time-in-future", 422)
        nobody = parse_id("mem", text_id("mem", parse_id("cus", ANN)))
        outcome, _ = await agree(members, good, member=nobody)
        assert (outcome.code, outcome.status) == ("not-found", 404)
        assert await states(members) == []
        assert updates(members) == []


async def test_an_erasure_keeps_what_was_said_and_when_and_takes_nothing_new(
    worker_database: str,
) -> None:
    """It names nobody: ids, purposes and instants."""
    async with told(worker_database) as members:
        await members.apply(an_order(members.program.text_id, buyer=ANN))
        member = await the_member(members)
        await agree(members, Statement("marketing-sms", "granted", "counter", "3", "recording"))
        await ask(members, RequestErasure(member, "member", "asked"), NOON)
        kept = await members.rows("consent")
        await sweep(members, instant("2026-03-14 16:00"))
        (row,) = await members.rows("member")
        assert row["status"] == "erased"
        assert await members.rows("consent") == kept
        outcome, _ = await agree(members, Statement("profiling", "granted", "staff"), member=member)
        assert outcome.code == "state-conflict"
        assert await members.rows("consent") == kept


SAID = st.lists(
    st.tuples(
        st.sampled_from(("profiling", "marketing-sms")),
        st.sampled_from(("granted", "withdrawn")),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=6,
    unique=True,
)


@given(SAID, st.randoms(use_true_random=False))
@HISTORIES
async def test_the_same_holds_in_whatever_order_statements_come(
    worker_database: str, said: list[tuple[Any, Any, int]], random: Any
) -> None:
    """Each by its own command, or all in one."""
    whole = [
        Statement(purpose, state, "staff", at=NOON - days * DAY) for purpose, state, days in said
    ]
    ledgers = []
    for parts in ([whole], [[each] for each in random.sample(whole, len(whole))]):
        async with told(worker_database) as members:
            await members.apply(an_order(members.program.text_id, buyer=ANN))
            for number, part in enumerate(parts):
                _, answer = await agree(members, *part, at=NOON + number * DAY)
            ledgers.append((await states(members), answer["consents"]))
    assert ledgers[0] == ledgers[1]
