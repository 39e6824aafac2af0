"""Decoration over HTTP: drafts that may be kept, pictures that are taken, what everybody sees."""

from datetime import timedelta
from typing import Any, Final

import httpx2
import pytest

from services.gateway.decoration.documents import published
from services.gateway.decoration.rules.picturing import SHAPES
from services.gateway.tasks.forgetting import Forgetter
from shared.clock import fixed, system
from shared.db.transaction import transaction
from shared.ids import uuid_of
from shared.service import Tasking
from shared.surroundings import Surroundings
from tests.api.harness import Api, Caller, ok, problem
from tests.api.worlds import LADDER, an_empty_program, telling
from tests.builders.decoration import BENEFITS, a_decoration, an_image
from tests.builders.pictures import a_picture, of_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH: Final = "/api/gateway/v1/settings/decoration"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def save(staff: Caller, **changed: Any) -> httpx2.Response:
    """Save a draft, whatever was there."""
    return await staff.send("PUT", PATH, a_decoration(**changed), if_match="*")


async def publish(staff: Caller) -> httpx2.Response:
    """Publish the draft, whatever it is."""
    return await staff.send("POST", f"{PATH}:publish", if_match="*")


async def a_laddered_program(centre: Api, members: Api) -> str:
    """A program with tiers, as publishing asks for."""
    program = await an_empty_program(centre)
    async with telling(members, program) as told:
        await told.settings("ladder/main", LADDER)
    return program


async def upload(
    staff: Caller, program: str, use: str, picture: bytes, kind: str = "jpeg"
) -> httpx2.Response:
    """Upload a picture for a use."""
    path = f"/api/gateway/v1/programs/{program}/media"
    headers = {"content-type": f"image/{kind}"}
    return await staff.ask("POST", path, params={"use": use}, content=picture, headers=headers)


async def seen(gateway: Api, program: str) -> dict[str, Any] | None:
    """The decoration that everybody sees."""
    state = gateway.app.state
    async with transaction(state.database) as tx:
        row = await tx.fetch_one(
            "select program_id from program where public_id = $1", uuid_of(program)
        )
        assert row is not None
        return await published(tx, row["program_id"], state.clock())


# Drafts.


async def test_three_rights_are_refused_and_nothing_is_stored_four_are_saved(gateway: Api) -> None:
    """Acceptance 1."""
    program = await an_empty_program(gateway)
    staff = gateway.caller(program)
    async with gateway.nothing_changes(program):
        refused = problem(await save(staff, benefits=BENEFITS[:3]), 422, "too-few-rights")
    assert [each["pointer"] for each in refused["errors"]] == ["/benefits"]
    assert ok(await save(staff))["draft"]["benefits"] == list(BENEFITS)


async def test_a_fourth_poster_is_refused(gateway: Api) -> None:
    """Acceptance 1."""
    program = await an_empty_program(gateway)
    staff = gateway.caller(program)
    made = ok(await upload(staff, program, "poster", a_picture(1402, 400)), 201)
    poster = {"image": {"file": made["file"], "alt": "Spring"}, "link": None}
    ok(await save(staff, posters=[poster] * 3))
    async with gateway.nothing_changes(program):
        problem(await save(staff, posters=[poster] * 4), 422, "too-many")


@pytest.mark.parametrize(
    ("part", "kept", "refused"),
    [
        ("module", {"text": "熟" * 13}, {"text": "熟" * 14}),
        ("join", {"text": "则" * 4_500}, {"text": "则" * 4_501}),
    ],
)
async def test_texts_have_so_many_characters_and_no_more(
    gateway: Api, part: str, kept: dict[str, str], refused: dict[str, str]
) -> None:
    """Acceptance 3."""
    program = await an_empty_program(gateway)
    staff = gateway.caller(program)
    ok(await save(staff, **{part: kept}))
    async with gateway.nothing_changes(program):
        problem(await save(staff, **{part: refused}), 422, "text-too-long")


async def test_a_draft_is_gone_30_days_after_it_was_saved_last(centre: Api, members: Api) -> None:
    """Acceptance 4: what is published stays as it is; saving on day 29 gives 30 more days."""
    program = await a_laddered_program(centre, members)
    staff = centre.caller(program)
    began = system()
    ok(await save(staff))
    ok(await publish(staff))
    with centre.at(began):
        ok(await save(staff, card={"colour": "plum"}))
    with centre.at(began + 29 * DAY):
        ok(await save(staff, card={"colour": "amber"}))
    with centre.at(began + 59 * DAY - MINUTE):
        assert ok(await staff.get(PATH))["draft"]["card"]["colour"] == "amber"
    with centre.at(began + 59 * DAY + MINUTE):
        found = ok(await staff.get(PATH))
        assert (found["draft"], found["draft_ends_at"]) == (None, None)
        assert found["published"]["body"]["card"]["colour"] == "jade"
        problem(await staff.post(f"{PATH}:check"), 409, "state-conflict")
        async with centre.nothing_changes(program):
            problem(await publish(staff), 409, "state-conflict")
        decoration = await seen(centre, program)
        assert decoration is not None
        assert decoration["card"]["colour"] == "jade"


async def test_publishing_asks_for_what_a_draft_may_lack(centre: Api, members: Api) -> None:
    program = await a_laddered_program(centre, members)
    staff = centre.caller(program)
    ok(await save(staff, join={"text": ""}))
    found = ok(await staff.post(f"{PATH}:check"))["errors"]
    assert [(each["pointer"], each["code"]) for each in found] == [("/join/text", "required")]
    async with centre.nothing_changes(program):
        problem(await publish(staff), 422, "required")
    assert await seen(centre, program) is None


async def test_everybody_sees_what_was_published_but_not_where_the_module_stands(
    centre: Api, members: Api
) -> None:
    program = await a_laddered_program(centre, members)
    staff = centre.caller(program)
    module = {"mode": "custom", "text": "入会有礼", "origins": ["https://shop.example"]}
    ok(await save(staff, module=module))
    ok(await publish(staff))
    ok(await save(staff, card={"colour": "plum"}))
    decoration = await seen(centre, program)
    assert decoration is not None
    assert decoration["card"] == {"colour": "jade", "image": None}
    assert decoration["module"]["text"] == "入会有礼"
    assert "origins" not in decoration["module"]


# Pictures.


@pytest.mark.parametrize(
    ("use", "picture", "status", "code"),
    [
        ("card", a_picture(1404, 701), 422, "image-size"),
        ("card", of_bytes(a_picture(1404, 700), SHAPES["card"].most_bytes + 1), 413, "image-bytes"),
        ("poster", a_picture(1402, 400, "PNG"), 422, "image-type"),
        ("poster", of_bytes(a_picture(1402, 400), 512_001), 413, "image-bytes"),
        ("module", a_picture(702, 111), 422, "image-size"),
    ],
)
async def test_a_picture_is_refused_with_its_own_code(
    gateway: Api, use: str, picture: bytes, status: int, code: str
) -> None:
    """Acceptance 2; a PNG is one whatever its header says."""
    program = await an_empty_program(gateway)
    async with gateway.nothing_changes(program):
        problem(await upload(gateway.caller(program), program, use, picture), status, code)


async def test_a_picture_is_served_to_everybody_for_a_year(gateway: Api) -> None:
    program = await an_empty_program(gateway)
    heavy = of_bytes(a_picture(1404, 700), SHAPES["card"].most_bytes)
    made = ok(await upload(gateway.caller(program), program, "card", heavy), 201)
    answer = await gateway.bearing(None).get(made["url"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert 0 < len(answer.content) < len(heavy)
    action = "select target, fields from gateway.audit_entry where program = $1 and action = $2"
    found = await gateway.site.query(action, program, "media.create")
    assert found == [{"target": made["file"], "fields": ["card"]}]
    other = await an_empty_program(gateway)
    for path in (f"/media/{other}/{made['file']}", f"/media/{program}/{'0' * 64}.jpg",
                 f"/media/{program}/x.jpg", f"/media/nobody/{made['file']}"):  # fmt: skip
        problem(await gateway.bearing(None).get(path), 404, "not-found")


async def test_only_a_programs_own_staff_upload_and_only_pictures(gateway: Api) -> None:
    program, other = [await an_empty_program(gateway) for _ in range(2)]
    picture = a_picture(1404, 700)
    async with gateway.nothing_changes(program):
        strange = gateway.caller(other)
        problem(await upload(strange, program, "card", picture), 404, "not-found")
        reader = gateway.caller(program, "settings.read")
        problem(await upload(reader, program, "card", picture), 403, "forbidden")
        staff = gateway.caller(program)
        webp = await upload(staff, program, "card", picture, "webp")
        problem(webp, 415, "unsupported-media-type")


async def test_a_draft_names_pictures_that_there_are_each_in_its_place(gateway: Api) -> None:
    program = await an_empty_program(gateway)
    staff = gateway.caller(program)
    made = ok(await upload(staff, program, "module", a_picture(702, 110)), 201)
    image = {"file": made["file"], "alt": "Mist"}
    for card in (an_image(), image):
        async with gateway.nothing_changes(program, "picture"):
            refused = problem(await save(staff, card={"image": card}), 422, "unknown-image")
        assert refused["errors"][0]["pointer"] == "/card/image/file"
    ok(await save(staff, module={"image": image}))


async def test_what_no_version_names_is_forgotten_after_30_days(centre: Api, members: Api) -> None:
    """Old drafts too; a picture that any version names stays."""
    program = await a_laddered_program(centre, members)
    staff = centre.caller(program)
    made = [
        ok(await upload(staff, program, "card", a_picture(1404, 700, kind)), 201)["file"]
        for kind in ("JPEG", "PNG")
    ]
    ok(await save(staff, card={"image": {"file": made[0], "alt": "Card"}}))
    ok(await publish(staff))
    ok(await save(staff))
    state = centre.app.state
    later = Surroundings(clock=fixed(system() + 31 * DAY), metrics=state.metrics)
    await Forgetter(Tasking(state.config, state.database, state.keys, later)).turn()
    rows = await centre.site.rows("gateway.picture", program)
    assert [row["file"] for row in rows] == [made[0]]
    assert len(await centre.site.rows("gateway.settings", program)) == 1
