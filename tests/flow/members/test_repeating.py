"""A backup that is older than an erasure is restored: who was forgotten stays so."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from services.members.repeating import FILE, File, Repeater
from shared.api import build_app
from shared.audit.heads import FOLDER
from shared.clock import fixed
from shared.config import Config
from shared.db.transaction import transaction
from shared.events.members.member_erased import MemberErased
from shuke.services import SERVICES
from tests.builders.contacts import Profiles, boxed, new_keys
from tests.builders.storefront import an_order
from tests.flow.harness import Harness
from tests.flow.members.test_erasing import (
    ANN,
    BEN,
    ERASED_AT,
    NOON,
    PHONE,
    erase,
    sweep,
    the_member,
    told,
)

RESTORED_AT: Final = ERASED_AT + timedelta(hours=5)
NEXT_DAY: Final = ERASED_AT + timedelta(days=1)
TABLES: Final = (
    "member", "membership", "customer", "link", "identity", "erasure", "tier_standing",
    "subject_key", "contact", "contact_block",
)  # fmt: skip


async def dumped(members: Harness) -> dict[str, list[dict[str, Any]]]:
    """What a backup holds of the program."""
    return {table: await members.rows(table) for table in TABLES}


async def restore(members: Harness, backup: dict[str, list[dict[str, Any]]]) -> None:
    """The program as it was."""
    async with transaction(members.database) as tx:
        for table, rows in backup.items():
            await tx.execute(f"delete from {table} where program_id = $1", members.program.id)
            for row in rows:
                names = ", ".join(["program_id", *row])
                places = ", ".join(f"${number}" for number in range(1, len(row) + 2))
                await tx.execute(
                    f"insert into {table} ({names}) values ({places})",
                    members.program.id,
                    *row.values(),
                )


async def bought(members: Harness, profiles: Profiles) -> None:
    """A member of two customers, of whom a name and a phone are known."""
    program = members.program.text_id
    first = an_order(program, buyer=ANN, at=NOON, identities=[PHONE])
    await members.apply(boxed(first, profiles.keys, name="Ann", phone="+8613800138000"))
    await members.apply(an_order(program, no="B-1", buyer=BEN, at=NOON, identities=[PHONE]))
    await profiles.open_boxes()


async def test_who_was_erased_after_the_backup_is_not_readable_from_it(
    worker_database: str, tmp_path: Path
) -> None:
    """Keys go at once, the rest at the end of the day; repeated, nothing more happens."""
    keys = new_keys(tmp_path)
    async with told(worker_database) as members:
        profiles = Profiles(members, keys)
        await bought(members, profiles)
        backup, member = await dumped(members), await the_member(members)
        repeater = Repeater(members.database, tmp_path, fixed(RESTORED_AT))
        await repeater.turn()
        assert not any(each.member == member for each in repeater.read())
        await erase(members)
        (erasure,) = await members.rows("erasure")
        await repeater.turn()
        (noted,) = [each for each in repeater.read() if each.member == member]
        assert (noted.erasure, len(noted.customers)) == (erasure["erasure_id"], 2)
        assert await repeater.repeat([noted]) == 0

        await restore(members, backup)
        assert (await profiles.of(ANN))["name"] == "Ann"
        assert await repeater.repeat([noted]) == 1
        assert await profiles.of(ANN) == {}
        for gone in ("subject_key", "contact", "contact_block"):
            assert await members.rows(gone) == [], gone
        (asked,) = await members.rows("erasure")
        assert (asked["requested_by"], asked["due_at"]) == ("restore", RESTORED_AT)
        assert await repeater.repeat([noted]) == 1
        assert await members.rows("erasure") == [asked]

        await sweep(members, NEXT_DAY)
        (row,) = await members.rows("member")
        assert (row["status"], row["person_key"]) == ("erased", None)
        assert await members.rows("identity") == []
        assert members.told(MemberErased)[-1].at == NEXT_DAY
        assert await repeater.repeat([noted]) == 0
        assert await members.violations() == []


async def test_what_the_log_tells_again_after_a_restore_is_forgotten_again(
    worker_database: str, tmp_path: Path
) -> None:
    """The backup is older than the member; the file is all that knows of the erasure."""
    keys = new_keys(tmp_path)
    async with told(worker_database) as members:
        profiles, empty = Profiles(members, keys), await dumped(members)
        await bought(members, profiles)
        repeater = Repeater(members.database, tmp_path, fixed(RESTORED_AT))
        member = await the_member(members)
        await erase(members)
        await repeater.turn()
        (noted,) = [each for each in repeater.read() if each.member == member]
        await restore(members, empty)
        assert await repeater.repeat([noted]) == 1
        assert await members.rows("erasure") == []


async def test_the_api_serves_nobody_whom_a_backup_brought_back(
    worker_database: str, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path)
    given = {
        "DATABASE_URL": worker_database,
        "SHUKE_DATA_DIR": str(tmp_path),
        "SHUKE_KEYS_DIR": str(keys.folder),
    }
    async with told(worker_database) as members:
        profiles = Profiles(members, keys)
        await bought(members, profiles)
        backup = await dumped(members)
        await erase(members)
        await Repeater(members.database, tmp_path, fixed(RESTORED_AT)).turn()
        await restore(members, backup)
        assert (await profiles.of(ANN))["name"] == "Ann"
        app = build_app(SERVICES["members"], Config.from_environment(given))
        async with app.router.lifespan_context(app):
            assert await profiles.of(ANN) == {}


def test_a_line_that_a_crash_cut_short_spoils_no_other(tmp_path: Path) -> None:
    line = (
        "prg_agojyzjeabykvaaaaaaaaaaaay ers_caireeyuculbogazdinryhi6d4 "
        "mem_v6exiz6pzobhrhkmmurlr3jugy cus_2d2ualfm4scgnfo43yvkllbsdu"
    )
    path = tmp_path / FOLDER / FILE
    path.parent.mkdir()
    path.write_text(f"{line[:70]}\n{line}\n{line[:40]}", encoding="ascii")
    file = File(path)
    (found,) = file.read()
    assert found.line == line
    file.note([found])
    assert file.read() == [found, found]
