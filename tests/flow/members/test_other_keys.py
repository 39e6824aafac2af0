"""One phone under several index keys is one person, whichever of its hashes comes when."""

from datetime import timedelta
from itertools import permutations

import asyncpg
import pytest

from services.members.model import RequestErasure, member_id
from shared.db.transaction import transaction
from shared.events.storefront.parts import Identity
from shared.ids import uuid_of
from shuke.services import SERVICES
from tests.builders.events import instant
from tests.builders.storefront import an_order, customer
from tests.flow.harness import harness
from tests.flow.members.test_erasing import ASKED, ERASED_AT, ask, sweep, the_member

NOON = instant("2026-03-10 04:00")
DAY = timedelta(days=1)
ROUTES = {"routes": [{"route": "auto-first-order"}]}
FIRST, SECOND, THIRD = (
    Identity(kind="phone", hash=f"v{number}." + str(number) * 43, verified=True)
    for number in (1, 2, 3)
)
OTHER = Identity(kind="phone", hash="v2." + "o" * 43, verified=True)


@pytest.mark.parametrize(
    "told",
    [
        ([FIRST], [SECOND, FIRST]),
        ([SECOND, FIRST], [FIRST]),
        ([SECOND, FIRST], [SECOND]),
        ([SECOND], [SECOND, FIRST]),
        ([FIRST], [SECOND, FIRST], [SECOND]),
        ([FIRST], [SECOND, FIRST], [THIRD, SECOND], [THIRD]),
        ([SECOND], [SECOND, FIRST], [THIRD, SECOND], [THIRD]),
    ],
)
async def test_who_is_met_under_another_key_is_the_same_person(
    worker_database: str, told: tuple[list[Identity], ...]
) -> None:
    async with harness(SERVICES["members"], worker_database) as members:
        await members.settings("join", ROUTES)
        for number, identities in enumerate(told):
            order = an_order(
                members.program.text_id,
                no=str(number),
                buyer=customer(number),
                at=NOON + number * DAY,
                identities=identities,
            )
            await members.apply(order)
        (member,) = await members.rows("member")
        links = await members.rows("link")
        kept = {row["hash"] for row in await members.rows("identity")}
        assert await members.violations() == []
    assert {row["member_id"] for row in links} == {member["member_id"]}
    assert len(links) == len(told)
    assert kept == {member["person_key"]}


async def test_within_a_batch_they_are_one_in_any_order(worker_database: str) -> None:
    told = ([FIRST], [SECOND, FIRST], [THIRD, SECOND])
    for order in permutations(range(3)):
        async with harness(SERVICES["members"], worker_database) as members:
            await members.settings("join", ROUTES)
            program = members.program.text_id
            await members.apply(
                *(
                    an_order(program, no=str(n), buyer=customer(n), at=NOON, identities=told[n])
                    for n in order
                )
            )
            assert len(await members.rows("member")) == 1, order


async def test_the_id_follows_from_the_hash_under_the_oldest_key(worker_database: str) -> None:
    async with harness(SERVICES["members"], worker_database) as members:
        await members.settings("join", ROUTES)
        program = members.program
        await members.apply(an_order(program.text_id, at=NOON, identities=[SECOND, FIRST]))
        expected = member_id(program, uuid_of(customer()), FIRST.hash)
        assert await the_member(members) == expected


async def test_two_phones_under_one_key_are_two(worker_database: str) -> None:
    async with harness(SERVICES["members"], worker_database) as members:
        program = members.program.text_id
        await members.apply(an_order(program, identities=[SECOND, OTHER, FIRST]))
        kept = {row["hash"] for row in await members.rows("identity")}
        assert kept == {SECOND.hash, OTHER.hash, FIRST.hash}
        assert await members.rows("identity_origin", "1, 2") == []


async def test_an_erasure_takes_every_hash_that_nobody_else_has(worker_database: str) -> None:
    async with harness(SERVICES["members"], worker_database) as members:
        await members.settings("join", ROUTES)
        program, stranger = members.program.text_id, customer("stranger")
        mail = Identity(kind="email", hash="v2." + "m" * 43)
        old_mail = Identity(kind="email", hash="v1." + "m" * 43)
        first = an_order(program, at=NOON, identities=[SECOND, FIRST, mail, old_mail])
        await members.apply(first)
        await members.settings("join", {"routes": []}, version=2)
        later = an_order(program, no="2", buyer=stranger, at=NOON, identities=[mail, old_mail])
        await members.apply(later)
        hashes = {row["hash"] for row in await members.rows("identity_origin", "1, 2")}
        assert hashes == {SECOND.hash, mail.hash}
        wish = RequestErasure(await the_member(members), "member", "leaves")
        await ask(members, wish, ASKED)
        await sweep(members, ERASED_AT)
        (kept,) = await members.rows("identity_origin", "1, 2")
        assert (kept["hash"], kept["origin"]) == (mail.hash, old_mail.hash)


async def test_a_hash_stands_for_one_thing(worker_database: str) -> None:
    async with harness(SERVICES["members"], worker_database) as members:
        statement = "insert into identity_origin values ($1, 'v2.x', $2)"
        async with transaction(members.database) as tx:
            await tx.execute(statement, members.program.id, "v1.x")
        with pytest.raises(asyncpg.UniqueViolationError):
            async with transaction(members.database) as tx:
                await tx.execute(statement, members.program.id, "v1.y")
        (row,) = await members.rows("identity_origin", "1, 2")
        assert row["origin"] == "v1.x"
