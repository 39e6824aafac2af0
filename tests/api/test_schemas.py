"""Whatever is sent to whichever route: never a 5xx, always what the OpenAPI document says."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.api import build_app
from shared.config import Config
from shared.random_ids import random_id
from shuke.services import SERVICES
from tests.api.harness import PROBLEM_KEYS, Api
from tests.api.worlds import World, a_world

pytestmark = pytest.mark.asyncio(loop_scope="session")
CONFORMING: Final = [
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
CALM: Final = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def operations() -> Iterator[Any]:
    """Every operation of every service's document, as a case of its own."""
    for name, service in SERVICES.items():
        document = build_app(service, Config(database_url="postgresql://nowhere")).openapi()
        schema = schemathesis.openapi.from_dict(document)
        for found in schema.get_all_operations():
            operation = found.ok()
            yield pytest.param(name, operation, id=f"{name} {operation.label}")


@pytest.fixture
def api(request: pytest.FixtureRequest, service: str) -> Api:
    """The service of an operation."""
    found: Api = request.getfixturevalue(service)
    return found


_worlds: dict[str, World] = {}


@pytest.mark.parametrize(("service", "operation"), list(operations()))
@CALM
@given(data=st.data())
async def test_every_answer_is_as_documented(
    api: Api, service: str, operation: Any, data: st.DataObject
) -> None:
    """Good and bad parameters, headers and bodies; ids of things that exist and of none."""
    if service not in _worlds:
        _worlds[service] = await a_world(api)
    world = _worlds[service]
    mode = data.draw(st.sampled_from(list(GenerationMode)))
    case = data.draw(operation.as_strategy(mode))
    known = {name: world.ids[name] for name in case.path_parameters or {} if name in world.ids}
    if data.draw(st.booleans()):
        case.path_parameters = dict(case.path_parameters or {}) | known
    token = api.site.minter.mint(service, program=world.program)
    headers = {"authorization": f"Bearer {token}"}
    if data.draw(st.booleans()):
        headers |= {"if-match": "*", "idempotency-key": random_id().hex}
    sent = case.as_transport_kwargs(base_url="http://shuke.test", headers=headers)
    method, url = sent.pop("method"), sent.pop("url")
    asked = {key: value for key, value in sent.items() if key in {"headers", "params", "json"}}
    if "data" in sent:
        asked["content"] = sent["data"]
    answer = await api.bearing(None).ask(method, url, **asked)
    assert answer.status_code < 500, answer.text
    case.validate_response(answer, checks=CONFORMING)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json().keys() == PROBLEM_KEYS
