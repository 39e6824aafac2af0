"""Golden examples: once an event was written like this, it must be read like this for ever."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from shared.errors import Undecodable
from shared.events import codec
from shared.events.catalogue import BY_TYPE, CATALOGUE
from shared.events.publish import schema
from tests.conftest import ROOT

FOLDER = ROOT / "shared" / "events" / "examples"
EXAMPLES = sorted(FOLDER.glob("*/*.json"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def named(path: Path) -> str:
    """Type and name of an example."""
    return f"{path.parent.name}/{path.stem}"


def raw(path: Path) -> bytes:
    """The example as it lies on the log."""
    value = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_an_example_decodes_and_encodes_to_itself(path: Path) -> None:
    """Its bytes are canonical: what is written is what was read."""
    event = codec.decode(raw(path), NOW)
    assert event is not None
    assert f"shuke.{path.parent.name}" == event.type
    whole: dict[str, Any] = json.loads(raw(path))
    data = json.loads(msgspec.json.encode(event.data, enc_hook=codec.enc_hook))
    assert data == whole["data"]
    assert list(data) == list(whole["data"])


INCIDENTAL = {
    "identities", "assurance", "guest", "source_code", "product_id", "brand", "title", "categories",
}  # fmt: skip
"""Fields of storefront events that may differ between two deliveries of one event; and `reason`."""


def bearing(value: Any, names: set[str]) -> Any:
    """JSON without some of its fields."""
    if isinstance(value, dict):
        return {key: bearing(part, names) for key, part in value.items() if key not in names}
    return [bearing(part, names) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_a_digest_can_be_worked_out_by_anybody(path: Path) -> None:
    """SHA-256 over sorted JSON of the attributes and the fields that bear value."""
    event = codec.decode(raw(path), NOW)
    assert event is not None
    whole = json.loads(raw(path))
    ours = BY_TYPE[event.type].topic == "storefront"
    data = bearing(whole["data"], INCIDENTAL | {"reason"} if ours else set())
    of = [whole[name] for name in ("type", "subject", "programid", "partitionkey")]
    text = json.dumps([*of, data], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    expected = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)
    assert event.digest == expected


@pytest.mark.parametrize("path", EXAMPLES, ids=named)
def test_an_example_satisfies_its_published_schema(path: Path) -> None:
    """Readers outside check with the JSON Schema alone."""
    value = json.loads(path.read_text(encoding="utf-8"))
    document = schema(BY_TYPE[value["type"]])
    Draft202012Validator.check_schema(document)
    found = [error.message for error in Draft202012Validator(document).iter_errors(value)]
    assert found == []


def test_every_type_and_version_has_an_example() -> None:
    """No event without one: it is the documentation that cannot lie."""
    wanted = {f"{line.name}.v{line.version}" for line in CATALOGUE}
    assert {path.parent.name for path in EXAMPLES} == wanted


def test_the_schema_refuses_what_the_codec_refuses() -> None:
    """A schema that takes anything would say nothing."""
    value = json.loads((FOLDER / "order-completed.v1" / "plain.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema(BY_TYPE[value["type"]]))
    for field, wrong in (("total_minor", -1), ("currency", "cny"), ("lines", "none")):
        broken = value | {"data": value["data"] | {field: wrong}}
        assert not validator.is_valid(broken), field


@pytest.mark.parametrize(
    ("number", "held"),
    [
        (r"A\u0000", True),
        (r"\\\u0000B", True),
        (r"\u0000", True),
        (r"\\u0000", False),
        (r"A\\\\u0000", False),
        (r"\u0001", False),
    ],
)
def test_a_text_with_the_character_that_no_table_takes_is_found(
    number: str,
    held: bool,  # noqa: FBT001 - the answer
) -> None:
    """However it is escaped, and nothing that only looks like it."""
    path = FOLDER / "order-completed.v1" / "plain.json"
    whole = json.loads(raw(path))
    written = json.dumps(whole).replace(json.dumps(whole["data"]["order_no"]), f'"{number}"', 1)
    assert ("\0" in json.loads(written)["data"]["order_no"]) is held
    for digest in (None, 7):
        if held:
            with pytest.raises(Undecodable, match="U\\+0000") as error:
                codec.decode(written.encode(), NOW, digest=digest)
            assert error.value.kind == "failed"
        else:
            event = codec.decode(written.encode(), NOW, digest=digest)
            assert event is not None
            assert event.data.order_no == json.loads(f'"{number}"')  # type: ignore[union-attr]
