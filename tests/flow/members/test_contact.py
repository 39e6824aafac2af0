"""What shops tell of people: kept sealed under a key of their own, in whatever order it comes."""

import asyncio
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from services.members.profile.keeping import KEPT
from shared import boxes, wrapping
from shared.clock import system
from shared.db.transaction import transaction
from shared.events.storefront.parts import Identity
from shared.ids import uuid_of
from shuke.services import SERVICES
from tests.builders.contacts import Profiles, boxed, everything, new_keys
from tests.builders.events import instant
from tests.builders.storefront import an_order, an_update, customer
from tests.flow.harness import Harness, harness

NOON = instant("2026-03-01 04:00")
DAY = timedelta(days=1)
PHONE = Identity(kind="phone", hash="v1." + "p" * 43, verified=True)
CANARIES = (b"13800138000", b"anna@x.com", "张三丰".encode(), b"1990-05-12")
TOLD: dict[str, Any] = {
    "name": "张三丰",
    "phone": "+8613800138000",
    "email": "anna@x.com",
    "birthday": "1990-05-12",
}


async def test_what_is_told_is_kept_and_nowhere_in_the_clear(
    worker_database: str, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        profiles = Profiles(members, keys)
        await members.apply(boxed(an_update(members.program.text_id, at=NOON), keys, **TOLD))
        await profiles.open_boxes()
        assert await profiles.of(customer()) == TOLD
        assert await members.rows("contact_block") == []
        rows = [*await members.rows("contact"), *await members.rows("subject_key")]
        assert len(rows) == 2
        assert not [c for c in CANARIES for row in rows if c in everything(row)]


async def test_the_latest_counts_by_field_in_whatever_order_they_come(
    worker_database: str, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path)
    for order in permutations(range(3)):
        async with harness(SERVICES["members"], worker_database) as members:
            profiles, program = Profiles(members, keys), members.program.text_id
            told = [
                boxed(an_update(program, at=NOON), keys, name="Anna", phone="+8613800138000"),
                boxed(an_order(program, at=NOON + DAY), keys, phone="+8613900139000"),
                boxed(an_update(program, at=NOON + 2 * DAY, identities=[PHONE]), keys, name="Anne"),
            ]
            for place in order:
                await members.apply(told[place])
                await profiles.open_boxes()
            assert await profiles.of(customer()) == {"name": "Anne", "phone": "+8613900139000"}


async def test_two_workers_lose_nothing(worker_database: str, tmp_path: Path) -> None:
    """Boxes of one customer that two of them open at once end in one profile."""
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        first, second = Profiles(members, keys), Profiles(members, keys)
        fields = ["name", "city", "province", "language", "sex"]
        for number, field in enumerate(fields):
            event = an_order(members.program.text_id, no=f"A-{number}", at=NOON + number * DAY)
            told: dict[str, Any] = {field: "x"}
            await members.apply(boxed(event, keys, **told))
            await asyncio.gather(first.open_boxes(), second.open_boxes())
        assert (await first.of(customer())).keys() == set(fields)


async def test_a_box_whose_key_is_destroyed_is_left_and_counted(
    worker_database: str, tmp_path: Path
) -> None:
    """The stream goes on, and so does what is told under a key that is there."""
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        profiles, program = Profiles(members, keys), members.program.text_id
        lost = boxed(an_update(program, at=NOON), keys, name="Anna")
        for path in boxes.private_keys(keys.folder):
            path.unlink()
        await members.apply(lost)
        await profiles.open_boxes()
        assert profiles.boxes("locked") == 1
        assert await profiles.of(customer()) == {}
        assert await members.rows("subject_key") == []


@pytest.mark.parametrize("box", ["", "v1.x.y.z", "nonsense", "v1.2026-w48." + "A" * 43 + ".AAAA"])
async def test_what_is_no_box_stops_nothing(worker_database: str, tmp_path: Path, box: str) -> None:
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        profiles = Profiles(members, keys)
        event = an_update(members.program.text_id, at=NOON)
        await members.apply(replace(event, sealedcontact=box))
        await profiles.open_boxes()
        assert await members.rows("contact_block") == []
        assert await profiles.of(customer()) == {}


async def test_a_box_of_another_customer_does_not_open(
    worker_database: str, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        profiles, program = Profiles(members, keys), members.program.text_id
        mine = boxed(an_update(program, at=NOON), keys, name="Anna")
        other = an_update(program, buyer=customer(2), at=NOON)
        await members.apply(replace(other, sealedcontact=mine.sealedcontact))
        await profiles.open_boxes()
        assert profiles.boxes("unreadable") == 1
        assert await profiles.of(customer(2)) == {}


@pytest.mark.parametrize(("table", "column"), [("contact", "sealed"), ("subject_key", "wrapped")])
async def test_a_ciphertext_moved_to_another_row_does_not_open(
    worker_database: str, tmp_path: Path, table: str, column: str
) -> None:
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        profiles, program = Profiles(members, keys), members.program.text_id
        buyers = {uuid_of(buyer): buyer for buyer in (customer(1), customer(2))}
        for buyer in buyers.values():
            await members.apply(boxed(an_update(program, buyer=buyer, at=NOON), keys, name=buyer))
        await profiles.open_boxes()
        mine, other = await members.rows(table)
        async with transaction(members.database) as tx:
            await tx.execute(
                f"update {table} set {column} = $2 where program_id = $1",
                members.program.id,
                mine[column],
            )
        whose = "customer_id" if table == "contact" else "subject_id"
        buyer = buyers[mine[whose]]
        assert await profiles.of(buyer) == {"name": buyer}
        with pytest.raises(ValueError, match="another place"):
            await profiles.of(buyers[other[whose]])


async def test_a_damaged_profile_stops_nobody_else(worker_database: str, tmp_path: Path) -> None:
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        profiles, program = Profiles(members, keys), members.program.text_id
        await members.apply(boxed(an_update(program, at=NOON), keys, name="Anna"))
        await profiles.open_boxes()
        async with transaction(members.database) as tx:
            await tx.execute(
                "update contact set sealed = $2 where program_id = $1",
                members.program.id,
                b"x" * 40,
            )
        later = an_order(program, at=NOON + DAY)
        other = an_update(program, buyer=customer(2), at=NOON)
        await members.apply(boxed(later, keys, city="x"), boxed(other, keys, name="Ben"))
        await profiles.open_boxes()
        assert profiles.boxes("damaged") == 1
        assert await profiles.of(customer(2)) == {"name": "Ben"}


async def tidied(profiles: Profiles) -> None:
    """What is due is done."""
    while await profiles.keeper.tidy():
        pass


async def test_of_who_is_no_member_nothing_is_kept_for_over_180_days(
    worker_database: str, tmp_path: Path
) -> None:
    keys, now = new_keys(tmp_path), system()
    async with harness(SERVICES["members"], worker_database) as members:
        await members.settings("join", {"routes": [{"route": "auto-first-order"}]})
        profiles, program = Profiles(members, keys), members.program.text_id
        old, young = instant("2026-03-01 10:00"), now - KEPT + DAY
        ann, ben, cy = (customer(name) for name in ("ann", "ben", "cy"))
        await members.apply(boxed(an_update(program, buyer=ann, at=old), keys, name="Ann"))
        await members.apply(boxed(an_update(program, buyer=ben, at=old), keys, name="Ben"))
        await members.apply(an_order(program, buyer=ben, at=old))
        told = boxed(an_update(program, buyer=cy, at=instant(str(young))), keys, name="Cy")
        await members.apply(told)
        await profiles.open_boxes()
        await tidied(profiles)
        assert [await profiles.of(each) for each in (ann, ben, cy)] == [
            {},
            {"name": "Ben"},
            {"name": "Cy"},
        ]
        assert len(await members.rows("subject_key")) == 2


async def test_keys_are_wrapped_anew_under_a_new_kek_and_open_all_the_while(
    worker_database: str, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        profiles, program = Profiles(members, keys), members.program.text_id
        buyers = [customer(number) for number in range(5)]
        for buyer in buyers:
            await members.apply(boxed(an_update(program, buyer=buyer, at=NOON), keys, name="A"))
        await profiles.open_boxes()
        before = {row["subject_id"]: row["wrapped"] for row in await members.rows("subject_key")}
        wrapping.make(keys.folder, 2)
        assert [await profiles.of(buyer) for buyer in buyers] == [{"name": "A"}] * 5
        while await profiles.keeper.wrap_anew():
            pass
        rows = await members.rows("subject_key")
        assert {row["kek"] for row in rows} == {2}
        assert all(before[row["subject_id"]] != row["wrapped"] for row in rows)
        wrapping.path_of(keys.folder, 1).unlink()
        assert [await profiles.of(buyer) for buyer in buyers] == [{"name": "A"}] * 5


async def statements_of(members: Harness, *events: object) -> int:
    """Statements of a batch."""
    await members.apply(*events)  # type: ignore[arg-type]
    return members.statements


async def test_boxes_cost_a_batch_one_statement(worker_database: str, tmp_path: Path) -> None:
    keys = new_keys(tmp_path)
    async with harness(SERVICES["members"], worker_database) as members:
        program = members.program.text_id
        plain = [an_update(program, buyer=customer(n), at=NOON) for n in range(20)]
        more = [an_update(program, buyer=customer(20 + n), at=NOON) for n in range(20)]
        without = await statements_of(members, *plain)
        with_boxes = await statements_of(members, *(boxed(e, keys, name="A") for e in more))
    assert with_boxes == without + 1
