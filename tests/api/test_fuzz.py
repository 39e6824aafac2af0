"""Whatever is sent to whichever route: never a 5xx, always what the OpenAPI document says."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from shared.api import build_app
from shared.config import Config
from shared.random_ids import random_id
from shuke.services import SERVICES
from tests.api.harness import PROBLEM_KEYS, Api
from tests.api.worlds import BODIES, World, a_world

pytestmark = pytest.mark.asyncio(loop_scope="session")
CONFORMING: Final = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
"""What holds of every answer. Callers without a right are in `test_callers`, on every route."""
BOUNDARIES: Final = [
    *CONFORMING,
    allow_header_conformance,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
]
"""What holds besides, where it is known whether a request is as documented."""
BEYOND_THE_SCHEMA: Final[Mapping[str, str]] = {
    "programs.create": "names of time zones and currencies are a list that grows",
    "programs.change": "likewise",
    "programs.leave": "the name must be the program's",
    "stores.create": "whether a parent may be given depends on the kind",
    "connections.create": "whether a secret must be given depends on the source",
    "secrets.create": "whether a secret may be given depends on the connection",
    "endpoints.create": "which addresses there are, and types of events, is a list that grows",
    "endpoints.change": "likewise",
    "positions.create": "who fills it must work in the program",
    "positions.change": "likewise",
    "trainings.create": "who is to pass it must work in the program",
    "trainings.change": "nobody passed it after today",
    "credentials.put": "which names there must be depends on the source",
    "rfm.get": "a day must be neither in the future nor before all events",
}
"""Operations that refuse with 422 what their schema cannot say, by name, with the reason."""
CALM: Final = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
HOSTILE: Final = (
    "\0",
    "\ud800",
    "x" * 20_000,
    "' or 1=1 --",
    "../../etc",
    "١٢٣",
    "\u202e熟客",
)
"""Texts that something further in might trip over."""


def operations() -> Iterator[Any]:
    """Every operation of every service's document, as a case of its own."""
    for name, service in SERVICES.items():
        document = build_app(service, Config(database_url="postgresql://nowhere")).openapi()
        schema = schemathesis.openapi.from_dict(document)
        for found in schema.get_all_operations():
            operation = found.ok()
            yield pytest.param(name, operation, id=f"{name} {operation.label}")


OPERATIONS: Final = list(operations())


@pytest.fixture
def api(request: pytest.FixtureRequest, service: str) -> Api:
    """The service of an operation."""
    found: Api = request.getfixturevalue(service)
    return found


_worlds: dict[str, World] = {}


async def world_of(api: Api) -> World:
    """One for all requests to a service."""
    if api.service not in _worlds:
        _worlds[api.service] = await a_world(api)
    return _worlds[api.service]


async def ask(
    api: Api, world: World, case: Any, *, guarded: bool = False, body: Any = None
) -> httpx2.Response:
    """Send a case as an operator who names the world, perhaps with the headers that guard.

    `body` stands for the case's own.
    """
    headers = {"authorization": f"Bearer {api.site.minter.mint(api.service)}"}
    if "shuke-program" not in {name.lower() for name in case.headers or {}}:
        headers["shuke-program"] = world.program
    if guarded:
        headers |= {"if-match": "*", "idempotency-key": random_id().hex}
    sent = case.as_transport_kwargs(base_url="http://shuke.test", headers=headers)
    asked = {key: value for key, value in sent.items() if key in {"headers", "params"}}
    if "data" in sent:
        asked["content"] = sent["data"]
    if "json" in sent or body is not None:  # half a surrogate pair can be written only so
        asked["content"] = json.dumps(sent.get("json") if body is None else body)
        asked["headers"]["content-type"] = "application/json"
    answer = await api.bearing(None).ask(sent["method"], sent["url"], **asked)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json().keys() == PROBLEM_KEYS
    return answer


def known(world: World, case: Any) -> dict[str, str]:
    """Parameters of a case's path that name things of the world."""
    return {name: world.ids[name] for name in case.path_parameters or {} if name in world.ids}


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@CALM
@given(data=st.data())
@pytest.mark.usefixtures("service")
async def test_every_answer_is_as_documented(api: Api, operation: Any, data: st.DataObject) -> None:
    """Good and bad parameters, headers and bodies; ids of things that exist and of none."""
    world = await world_of(api)
    mode = data.draw(st.sampled_from(list(GenerationMode)))
    case = data.draw(operation.as_strategy(mode))
    if data.draw(st.booleans()):
        case.path_parameters = dict(case.path_parameters or {}) | known(world, case)
    answer = await ask(api, world, case, guarded=data.draw(st.booleans()))
    case.validate_response(answer, checks=CONFORMING)


def boundaries(operation: Any) -> Iterator[Any]:
    """Cases at the edges of what an operation's document says, and just beyond them."""
    config = operation.schema.config.generation
    modes = list(GenerationMode)
    yield from operation.schema.iter_coverage_cases(
        operation, generation_modes=modes, generation_config=config
    )


def checks_of(case: Any) -> list[Any]:
    """The checks that apply to a case."""
    left_out = set()
    query, headers = case.query or {}, {name.lower() for name in case.headers or {}}
    if case.operation.definition.raw["operationId"] in BEYOND_THE_SCHEMA or "page_token" in query:
        # A page's token is one that the list gave: any other is refused.
        left_out.add(positive_data_acceptance)
    if ":" in case.operation.path or "{document}" in case.operation.path:
        # To the router `x:pause` and `x/versions` are names too, of which other methods ask (404).
        left_out |= {unsupported_method, allow_header_conformance}
    if "shuke-program" in headers:
        # That the program named is not there is said before what else is missing.
        left_out.add(missing_required_header)
    return [check for check in BOUNDARIES if check not in left_out]


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
async def test_every_boundary_of_a_document_is_kept(
    api: Api,
    service: str,  # noqa: ARG001 - whose the operation is
    operation: Any,
) -> None:
    """The least and the most are taken, what is beyond, missing, unknown or of no method is not."""
    world = await world_of(api)
    for case in boundaries(operation):
        # Good cases get a key of their own: one that came with another request is refused.
        good = case.meta.generation.mode.is_positive
        answer = await ask(api, world, case, guarded=good)
        case.validate_response(answer, checks=checks_of(case))
        ids = known(world, case)
        if ids:
            case.path_parameters = dict(case.path_parameters) | ids
            case.validate_response(await ask(api, world, case, guarded=True), checks=CONFORMING)


def spoiled(value: Any, text: str) -> Iterator[Any]:
    """A body with one of its texts replaced, each in turn; names of fields too."""
    if isinstance(value, str):
        yield text
    if isinstance(value, dict):
        yield value | {text: text}
        for name, part in value.items():
            yield from (value | {name: other} for other in spoiled(part, text))
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from ([*value[:place], each, *value[place + 1 :]] for each in spoiled(part, text))


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
async def test_no_text_does_harm(
    api: Api,
    service: str,  # noqa: ARG001 - whose the operation is
    operation: Any,
) -> None:
    """In a path, a query or a body: NUL, half a surrogate pair, far too long, another script."""
    world = await world_of(api)
    case = next(case for case in boundaries(operation) if case.meta.generation.mode.is_positive)
    path = dict(case.path_parameters or {}) | known(world, case)
    query = dict(case.query or {})
    case.headers = {}
    good = BODIES.get(operation.definition.raw["operationId"])
    for text in HOSTILE:
        quoted = quote(text, safe="", errors="surrogatepass")
        whole = text.encode(errors="replace").decode()
        trials: list[tuple[Any, Any, Any]] = [(path, query, each) for each in spoiled(good, text)]
        trials += [(path, query | {each.name: whole}, good) for each in operation.query]
        trials += [(path | {name: quoted}, query, good) for name in path]
        for case.path_parameters, case.query, body in trials:
            answer = await ask(api, world, case, guarded=True, body=body)
            case.validate_response(answer, checks=CONFORMING)
