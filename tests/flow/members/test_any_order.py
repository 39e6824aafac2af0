"""Members end the same, whatever the order, repetition and batches in which they are heard of."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.db.engine import Database
from shared.events.members.customer_linked import CustomerLinked
from shared.events.members.member_joined import MemberJoined
from shared.events.members.tier_changed import TierChanged
from shared.events.storefront.parts import Identity
from shared.ids import text_id
from shared.random_ids import random_id
from shuke.services import SERVICES
from tests.builders.storefront import an_order, an_update, customer
from tests.flow.harness import HISTORIES, Harness, begin, splits
from tests.flow.histories import Telling, Told, instants, orders, tellings

MEMBERS = SERVICES["members"]
ANN, BEN, CID = customer("Ann"), customer("Ben"), customer("Cid")
PHONE = Identity(kind="phone", hash="v1." + "p" * 43, verified=True)
MAIL = Identity(kind="email", hash="v1." + "m" * 43, verified=False)
IDENTITIES = {ANN: [PHONE], BEN: [MAIL], CID: []}
"""What is known of a customer from the first word on."""
GUEST_OR = [*IDENTITIES, None]


def a_ladder(silver_minor: int) -> dict[str, Any]:
    """Three tiers; gold by amount or count."""
    return {
        "code": "main",
        "downgrade": "to-supported",
        "tiers": [
            {"code": "ordinary", "rank": 1},
            {"code": "silver", "rank": 2, "enter": {"amount_minor": silver_minor}},
            {"code": "gold", "rank": 3, "enter": {"amount_minor": 100_000, "orders": 4}},
        ],
    }


@st.composite
def known_orders(draw: st.DrawFn) -> list[Told]:
    """Orders of customers with what identifies them, and of guests."""
    return [
        replace(told, values={**told.values, "identities": IDENTITIES[told.values["buyer"]]})
        if told.what is an_order and told.values["buyer"] is not None
        else told
        for told in draw(orders(GUEST_OR))  # type: ignore[arg-type]
    ]


@st.composite
def updates(draw: st.DrawFn) -> list[Told]:
    """What the shop says of its customers, wishes to join among it."""
    found = draw(
        st.lists(
            st.tuples(st.sampled_from(list(IDENTITIES)), instants, st.booleans()),
            max_size=3,
            unique=True,
        )
    )
    return [
        Told(
            at,
            an_update,
            {"buyer": buyer, "at": at, "joins": joins, "identities": IDENTITIES[buyer]},
        )
        for buyer, at, joins in found
    ]


async def standing(members: Harness) -> dict[str, Any]:
    """Who is a member, since when, whose the customers are, and the tiers in force."""
    return {
        "members": [
            {k: row[k] for k in ("member_id", "status", "route", "effective_from", "joined_store")}
            for row in await members.rows("member")
        ],
        "spells": await members.rows("membership"),
        "links": [
            {k: v for k, v in row.items() if k != "revision"} for row in await members.rows("link")
        ],
        "customers": await members.rows("customer"),
        "identities": await members.rows("identity", "1, 2, 3, 4"),
        "orders": await members.rows("order_seen"),
        "refunds": await members.rows("refund_seen"),
        "facts": [row for row in await members.rows("tier_fact") if row["amount"] or row["orders"]],
        "standings": [
            {k: row[k] for k in ("member_id", "ladder", "start_at", "amount", "orders", "tier")}
            for row in await members.rows("tier_standing")
        ],
        "segments": [
            {k: v for k, v in row.items() if k not in {"revision", "no", "superseded_by"}}
            for row in await members.rows("tier_segment", "1, 2, from_at, revision, no")
            if row["superseded_by"] is None
        ],
    }


def believed(members: Harness) -> dict[str, Any]:
    """What somebody knows who heard every announcement, in its order."""
    tiers: dict[str, list[Any]] = {}
    for change in members.told(TierChanged):
        known = tiers.setdefault(change.member_id, [])
        known[:] = [each for each in known if each.start < change.replaces_from]
        known += change.segments
    return {
        "members": {each.member_id: each.effective_from for each in members.told(MemberJoined)},
        "links": {
            (each.customer_id, each.member_id): (
                each.qualifies_from,
                each.earns_from,
                each.ended_at,
            )
            for each in members.told(CustomerLinked)
        },
        "tiers": {
            who: [(each.start, each.tier, each.cause, each.version) for each in segments]
            for who, segments in tiers.items()
        },
    }


async def published(
    database: Database, program: str, since: datetime, silver_minor: int
) -> Harness:
    """A program that anybody may join, by an order or by asking, with a ladder that changed."""
    members = await begin(MEMBERS, database, program=program)
    routes = [{"route": "auto-first-order"}, {"route": "open"}]
    await members.settings("join", {"routes": routes})
    await members.settings("ladder/main", a_ladder(20_000))
    await members.settings("ladder/main", a_ladder(silver_minor), 2, since.isoformat())
    return members


async def hear(members: Harness, batches: Sequence[Sequence[Any]]) -> None:
    """All batches, one after the other; no invariant is broken at the end."""
    for batch in batches:
        await members.apply(*batch)
    assert await members.violations() == []


@pytest.fixture
async def databases(worker_database: str, other_database: str) -> AsyncIterator[list[Database]]:
    """Two, open for all examples, so that a program lives twice: its ids are the same in both."""
    async with (
        Database(MEMBERS.name, worker_database, worker=True, size=2) as one,
        Database(MEMBERS.name, other_database, worker=True, size=2) as other,
    ):
        yield [one, other]


@pytest.mark.timeout(900)
@HISTORIES
@given(tellings((known_orders(), updates())), instants, st.sampled_from([10_000, 50_000]))
async def test_any_order_repetition_and_batch_ends_in_the_same_members_and_tiers(
    databases: list[Database], telling: Telling, since: datetime, silver_minor: int
) -> None:
    """Orders, refunds, cancellations, customer updates; a ladder that changes in between."""
    program = text_id("prg", random_id())
    plain, mixed = [await published(each, program, since, silver_minor) for each in databases]
    await hear(plain, splits(telling.in_time(program), []))
    await hear(mixed, splits(telling.as_heard(program), telling.cuts))
    expected, found = await standing(plain), await standing(mixed)
    for name, rows in expected.items():
        assert found[name] == rows, name
    assert believed(mixed) == believed(plain)
