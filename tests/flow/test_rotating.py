"""`shuke keys rotate`: newer keys in the place of older ones, with everything still opening."""

from pathlib import Path

import pytest

from services.members.profile import store
from services.members.profile.vault import Vault
from shared import boxes, token_keys, wrapping
from shared.clock import system
from shared.db.transaction import transaction
from shared.ids import uuid_of
from shuke.services import SERVICES
from tests.builders.contacts import Profiles, boxed
from tests.builders.events import instant
from tests.builders.storefront import an_update, customer
from tests.flow.commanding import told_by
from tests.flow.harness import begin
from tests.flow.whole import Whole, whole

NOON = instant("2026-03-01 04:00")


async def known(services: Whole, program_id: int) -> list[str]:
    """Names of the customers, as whoever starts now reads them."""
    vault = Vault(services.keys.folder)
    keys = [(program_id, uuid_of(customer(number))) for number in range(3)]
    async with transaction(services.databases["members"]) as tx:
        rows = await store.load_profiles(tx, keys)
    return sorted(vault.open(row)["name"].value for row in rows)


@pytest.mark.timeout(400)
async def test_keys_of_people_are_wrapped_anew_by_command(
    fresh_database: str, tmp_path: Path
) -> None:
    async with whole(tmp_path, fresh_database) as services:
        members = await begin(SERVICES["members"], services.databases["members"])
        program, keys = members.program, services.keys
        for number in range(3):
            told = an_update(program.text_id, buyer=customer(number), at=NOON)
            await members.apply(boxed(told, keys, name=f"Ann {number}"))
        await Profiles(members, keys).open_boxes()
        names = ["Ann 0", "Ann 1", "Ann 2"]
        for number in (2, 3):
            destroying = ("--destroy",) if number == 3 else ()
            answer = await told_by(services.config, "keys", "rotate", "kek", *destroying)
            code, out, _ = answer
            assert code == 0, answer
            assert f"kek.{number}.key is in use; 3 keys are wrapped with it anew" in out
            assert {row["kek"] for row in await members.rows("subject_key")} == {number}
            assert await known(services, program.id) == names
        assert wrapping.numbers(keys.folder) == [3]


@pytest.mark.timeout(400)
async def test_pairs_and_token_keys_are_made_and_destroyed_by_command(
    fresh_database: str, tmp_path: Path
) -> None:
    async with whole(tmp_path, fresh_database) as services:
        folder = services.keys.folder
        old = instant("2026-01-05")
        boxes.prepare(folder, old)
        code, out, err = await told_by(services.config, "keys", "rotate", "contact")
        assert (code, err) == (0, "")
        assert out.split() == ["destroyed", "2026-w02", "destroyed", "2026-w03"]
        assert boxes.week_of(system()) in boxes.weeks(folder)
        code, out, _ = await told_by(services.config, "keys", "rotate", "token")
        assert (code, out) == (0, "made gw-2\n")
        code, out, err = await told_by(services.config, "keys", "rotate", "token", "--destroy")
        assert (code, out, err) == (0, "", "nothing to destroy yet\n")
        assert token_keys.numbers(folder) == [1, 2]
