"""`shuke keys`, `shuke audit`, `shuke verify audit`: as an operator runs them."""

import json
from pathlib import Path

import asyncpg
import pytest

from shared.audit.sealer import Sealer
from shared.config import Config
from shared.db.engine import Database
from shared.sealing import KeyRing
from shared.surroundings import Surroundings
from shuke.services import SERVICES
from tests.flow.commanding import told_by
from tests.flow.harness import harness


@pytest.fixture
def config(fresh_database: str, tmp_path: Path) -> Config:
    """An installation with keys and a data folder of its own."""
    KeyRing.create(tmp_path / "keys")
    return Config(database_url=fresh_database, data_dir=tmp_path, profile="test")


async def sealed(config: Config) -> None:
    """What the gateway's worker does each second."""
    url = config.database_url_of("gateway")
    async with Database("gateway", url, worker=True, size=2) as database:
        while await Sealer(database, config.data_dir, Surroundings()).turn():
            pass


async def asked(config: Config, *words: str) -> list[dict[str, object]]:
    """Lines of a command that went well."""
    code, out, err = await told_by(config, *words, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.timeout(240)
async def test_what_an_operator_does_is_on_record_and_a_cut_is_told(
    config: Config, fresh_database: str
) -> None:
    async with harness(SERVICES["gateway"], fresh_database) as told:
        program = told.program.text_id
    words = ("keys", "create", program, "--name", "till", "--permission", "points.read")
    (made,) = await asked(config, *words)
    (heir,) = await asked(config, "keys", "renew", str(made["key_id"]), "--overlap-hours", "0")
    code, out, _ = await told_by(config, "keys", "revoke", str(heir["key_id"]))
    assert (code, out.strip()) == (0, f"{heir['key_id']} is revoked")
    listed = {line["key_id"]: line for line in await asked(config, "keys", "list")}
    assert listed.keys() == {made["key_id"], heir["key_id"]}
    assert listed[heir["key_id"]]["revoked_at"] is not None
    lines = await asked(config, "audit", "list", "--program", program)
    assert [line["action"] for line in lines] == ["keys.revoke", "keys.rotate", "keys.create"]
    assert {line["actor_kind"] for line in lines} == {"operator"}
    assert str(lines[0]["actor_id"]).startswith("shuke keys revoke by user:")
    await sealed(config)
    code, out, _ = await told_by(config, "verify", "audit")
    assert code == 0
    assert len(out.splitlines()) == len(SERVICES)
    owner = await asyncpg.connect(fresh_database)
    await owner.execute("alter table gateway.audit_chain disable trigger user")
    await owner.execute("delete from gateway.audit_chain where seq = 3")
    await owner.close()
    code, out, _ = await told_by(config, "verify", "audit", "--json")
    assert code == 1
    (broken,) = [each for each in json.loads(out)["invariants"] if each["violations"]]
    assert broken["service"] == "gateway"
    assert broken["violations"][0]["keys"] == {"seq": 3}
