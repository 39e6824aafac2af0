"""`shuke keys rotate index`: another key hashes phones, and everybody is found as before."""

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from services.gateway.staff import store as staff_store
from services.gateway.staff.factors import Factors
from services.gateway.staff.model import Staff
from services.gateway.staff.rules.totp import code_of, step_of
from services.members.profile.keeping import Keeper
from services.members.queries import known_as, list_identified
from shared import index_keys
from shared.clock import system
from shared.db.engine import Database
from shared.db.programs import load
from shared.db.transaction import transaction
from shared.events.envelope import Event
from shared.events.storefront.parts import Identity
from shared.http.reading import Reader
from shared.random_ids import random_id
from shared.sealing import KeyRing
from shared.service import Tasking
from shared.surroundings import Surroundings
from shuke.services import SERVICES
from tests.builders.contacts import boxed
from tests.builders.events import instant
from tests.builders.storefront import an_order, customer
from tests.flow.commanding import told_by
from tests.flow.whole import Whole, whole

BEGIN, NOON = instant("2026-02-28 04:00"), instant("2026-03-01 04:00")
PHONE = "+8613800138000"
ROUTES = {"routes": [{"route": "auto-first-order"}]}
LADDER = {"code": "main", "tiers": [{"code": "ordinary", "rank": 1, "enter": {"amount_minor": 0}}]}


def bought(program: str, keys: KeyRing, number: int, phone: str = PHONE) -> Event:
    """An order of a customer of their own, as the gateway tells it with the keys of now."""
    identities = [
        Identity(kind="phone", hash=each, verified=True)
        for each in keys.blind_indexes(program, "phone", phone)
    ]
    buyer = customer(f"{phone}/{number}")
    order = an_order(
        program, no=f"{phone}/{number}", buyer=buyer, at=NOON, amount_minor=1000,
        identities=identities,
    )  # fmt: skip
    return boxed(order, keys, phone=phone)


def age(folder: Path) -> None:
    """Let the newest key be known to everybody."""
    path = index_keys.path_of(folder, index_keys.numbers(folder)[-1])
    then = (system() - index_keys.KNOWN_AFTER).timestamp()
    os.utime(path, (then, then))


async def found(services: Whole, program: str, hashes: Sequence[str]) -> list[object]:
    """Members whom staff find by a phone."""
    database = services.databases["members"]
    async with transaction(database) as tx:
        known = (await load(tx))[program]
    async with database.reading() as connection:
        reader = Reader(connection, known)
        rows = await list_identified(reader, "phone", await known_as(reader, hashes), None, 5)
    return [row.member_id for row in rows]


async def bring(services: Whole, *events: Event) -> None:
    """Orders, and what came of them everywhere; boxes are opened."""
    await services.append(*events)
    await services.quiet()
    tasking = Tasking(services.config, services.databases["members"], services.keys, Surroundings())
    while await Keeper(tasking).turn():
        pass


async def finished(services: Whole) -> None:
    """The rotation ends: not before its time, and not while somebody would be lost unasked."""
    folder, finish = services.keys.folder, ("keys", "rotate", "index", "--finish")
    code, out, err = await told_by(services.config, *finish)
    assert (code, out) == (1, "")
    assert "wait a minute" in err
    age(folder)
    code, out, err = await told_by(services.config, *finish)
    assert (code, out) == (1, "")
    assert "under older keys alone: 1 phones" in err
    assert index_keys.numbers(folder) == [1, 2]
    answer = await told_by(services.config, *finish, "--forget")
    assert answer == (0, "destroyed index.v1.key\n0 sessions of shoppers ended\n", "")
    assert index_keys.numbers(folder) == [2]


@pytest.mark.timeout(400)
async def test_everybody_is_who_they_were_before_during_and_after(
    fresh_database: str, tmp_path: Path
) -> None:
    async with whole(tmp_path, fresh_database) as services, services.working():
        program, folder = await services.program(), services.keys.folder
        await services.publish("members", program, "join", ROUTES, BEGIN)
        await services.publish("members", program, "ladder/main", LADDER, BEGIN)
        await services.publish("points", program, "points", {}, BEGIN)
        silent = replace(bought(program, services.keys, 1, "+8613900139000"), sealedcontact=None)
        await bring(services, bought(program, services.keys, 1), silent)
        members = await services.rows("members", "select member_id from member order by 1")
        first = await found(services, program, services.keys.blind_indexes(program, "phone", PHONE))
        assert (len(members), len(first)) == (2, 1)

        code, out, err = await told_by(services.config, "keys", "rotate", "index")
        assert (code, err) == (0, "")
        assert "index.v2.key is in use; 1 identities are found by it" in out
        assert "under older keys alone: 1 phones and e-mails, 0 recovery codes" in out
        both = KeyRing.open(folder)
        newest, oldest = both.blind_indexes(program, "phone", PHONE)
        assert await found(services, program, [newest]) == first
        assert await found(services, program, [newest, oldest]) == first
        await bring(services, bought(program, both, 2))

        await finished(services)

        late = KeyRing.open(folder)
        assert late.blind_indexes(program, "phone", PHONE) == (newest,)
        await bring(services, bought(program, late, 3))
        assert await found(services, program, [newest]) == first
        assert await services.rows("members", "select member_id from member order by 1") == members
        (links,) = await services.rows(
            "members", "select count(*) from link where member_id = $1", first[0]
        )
        (points,) = await services.rows(
            "points", "select sum(amount), count(*) from entry where holder_id = $1", first[0]
        )
        assert (links[0], points[0], points[1]) == (3, 30, 3)
        report = await services.rebuild(SERVICES["members"])
        assert report.equal, report
        assert await services.violations() == []


async def enrolled(
    gateway: Database, keys: KeyRing, email: str = "ann@example.org"
) -> tuple[UUID, list[str]]:
    """Staff with a second factor; their recovery codes."""
    staff = Staff(random_id(), email, "Ann", "en", "active", True, True, NOON)
    factors, now = Factors(keys), system()
    async with transaction(gateway) as tx:
        await staff_store.add_staff(tx, staff, None)
        secret = (await factors.offer(tx, staff.staff_id, staff.email))["secret"]
        account = await staff_store.lock_account(tx, staff.staff_id)
        assert account is not None
        code = code_of(base64.b32decode(secret), step_of(now))
        codes = await factors.confirm(tx, account, code, now)
    assert codes is not None
    return staff.staff_id, codes


async def recovered(gateway: Database, keys: KeyRing, staff_id: UUID, code: str) -> bool:
    """Whether a recovery code is good."""
    async with transaction(gateway) as tx:
        account = await staff_store.lock_account(tx, staff_id)
        assert account is not None
        return await Factors(keys).check(tx, account, code, system())


@pytest.mark.timeout(400)
async def test_the_older_key_goes_unasked_once_nothing_is_found_by_it_alone(
    fresh_database: str, tmp_path: Path
) -> None:
    """Of members it comes to that by itself; staff make new recovery codes, or lose theirs."""
    rotate = ("keys", "rotate", "index")
    async with (
        whole(tmp_path, fresh_database) as services,
        services.working(),
        Database(
            "gateway", services.config.database_url_of("gateway"), worker=False, size=1
        ) as gateway,
    ):
        program, folder = await services.program(), services.keys.folder
        await services.publish("members", program, "join", ROUTES, BEGIN)
        await services.publish("members", program, "ladder/main", LADDER, BEGIN)
        await bring(services, bought(program, services.keys, 1))
        ann, codes = await enrolled(gateway, services.keys)
        assert (await told_by(services.config, *rotate))[0] == 0
        both = KeyRing.open(folder)
        await bring(services, bought(program, both, 2))
        assert await recovered(gateway, both, ann, codes[0])
        assert not await recovered(gateway, both, ann, codes[0])
        age(folder)
        code, _, err = await told_by(services.config, *rotate, "--finish")
        assert code == 1
        assert "0 phones and e-mails, 9 recovery codes of staff; the older keys stay" in err

        await services.tamper("gateway", "delete from recovery_code")
        answer = await told_by(services.config, *rotate, "--finish")
        assert answer == (0, "destroyed index.v1.key\n0 sessions of shoppers ended\n", "")
        late = KeyRing.open(folder)
        hashes = late.blind_indexes(program, "phone", PHONE)
        assert len(await found(services, program, hashes)) == 1
        ben, codes = await enrolled(gateway, late, "ben@example.org")
        assert await recovered(gateway, late, ben, codes[0])
