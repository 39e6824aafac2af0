"""The catalogue for readers outside: JSON Schemas, AsyncAPI, the picture of the flow, the topics.

Pure: values in, documents out. `shuke/generate.py` writes them to files.
"""

import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from shared.days import Instant
from shared.events.catalogue import CATALOGUE, FORWARDER, EventType, Topic
from shared.ids import BODY
from shared.version import VERSION

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
PREFIX: Final = "shuke."
_INSTANT: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
    "description": "UTC with milliseconds",
}


def schema(line: EventType) -> dict[str, Any]:
    """JSON Schema of a whole event: CloudEvents attributes and `data`.

    Fields that a reader does not know are to be ignored, so none are forbidden.
    """
    (data,), components = msgspec.json.schema_components(
        [line.data], schema_hook=_hook, ref_template="#/$defs/{name}"
    )
    return {
        "$schema": DIALECT,
        "title": line.type,
        "description": _meaning(line),
        "type": "object",
        "required": [*_ATTRIBUTES, "data"],
        "properties": {
            **_ATTRIBUTES,
            "source": {"enum": [f"/shuke/{name}" for name in _producers(line)]},
            "type": {"const": line.type},
            **_OPTIONAL,
            "data": data,
        },
        "$defs": components,
    }


_ATTRIBUTES: Final[Mapping[str, dict[str, Any]]] = {
    "specversion": {"const": "1.0"},
    "id": {
        "type": "string",
        "format": "uuid",
        "description": "Derived from program, type and cause: told again, it is the same",
    },
    "source": {"type": "string"},
    "type": {"type": "string"},
    "time": {**_INSTANT, "description": "The instant that the event is about"},
    "subject": {"type": "string", "minLength": 1, "maxLength": 128},
    "datacontenttype": {"const": "application/json"},
    "programid": {"type": "string", "pattern": f"^prg_{BODY}$"},
    "partitionkey": {
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "description": "Second part of the log key; one key's events are in order",
    },
}
_OPTIONAL: Final[Mapping[str, dict[str, Any]]] = {
    "causationid": {"type": "string", "format": "uuid", "description": "What led to it"},
    "traceparent": {"type": "string"},
    "sealedcontact": {"type": "string", "description": "Encrypted; for the services alone"},
}


def asyncapi(topics: Iterable[Topic]) -> dict[str, Any]:
    """AsyncAPI 3.0: one channel per topic, one message per type, who sends and who receives."""
    names = [topic.name for topic in topics]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Shuke events",
            "version": VERSION,
            "description": "CloudEvents 1.0 in structured JSON. Delivery is at least once; ids are "
            "derived, so that a repeated event is known by its id.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            name: {
                "address": PREFIX + name,
                "description": f"Key: {_keys(name)}",
                "messages": {
                    line.name: {"$ref": f"#/components/messages/{line.name}"} for line in _on(name)
                },
            }
            for name in names
        },
        "operations": {
            f"{service}-{action}-{name}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [
                    {"$ref": f"#/channels/{name}/messages/{message}"} for message in messages
                ],
            }
            for name in names
            for service, action, messages in _operations(name)
        },
        "components": {
            "messages": {line.name: _message(line) for line in CATALOGUE},
        },
    }


def flow() -> str:
    """Markdown: who emits and who consumes what, as a picture and as a table."""
    edges = {
        (line.producer, consumer, line.name) for line in CATALOGUE for consumer in line.consumers
    }
    pairs = sorted({(producer, consumer) for producer, consumer, _ in edges})
    drawn = [
        f'  {producer} -- "{"<br/>".join(_between(producer, consumer))}" --> {consumer}'
        for producer, consumer in pairs
    ]
    rows = [
        f"| `{line.type}` | `{PREFIX}{line.topic}` | {line.keyed} | {line.producer} | "
        f"{', '.join(line.consumers) or 'anybody'} | {_meaning(line)} |"
        for line in CATALOGUE
    ]
    return "\n".join([
        "# Who tells whom what",
        "",
        "Generated from the catalogue of events, `shared/events/catalogue.py`, by `make generate`.",
        "",
        "```mermaid",
        "flowchart LR",
        "  shops([storefronts]) -- signed webhooks --> gateway",
        *drawn,
        f"  {FORWARDER} -- signed webhooks --> endpoints([endpoints outside])",
        "```",
        "",
        f"The {FORWARDER} reads every other type, too, but for `event-quarantined`, to hand it on.",
        "It announces nothing because of what it merely hands on.",
        "",
        "| Type | Topic | Key | From | To | Meaning |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ])


def _hook(kind: type) -> dict[str, Any]:
    if kind is Instant:
        return dict(_INSTANT)
    raise NotImplementedError(kind)


def _producers(line: EventType) -> list[str]:
    return [each.producer for each in CATALOGUE if each.type == line.type]


def _message(line: EventType) -> dict[str, Any]:
    return {
        "name": line.type,
        "title": line.name,
        "summary": _meaning(line),
        "payload": {"$ref": f"../shared/events/schemas/{line.name}.v{line.version}.json"},
    }


def _meaning(line: EventType) -> str:
    text = sys.modules[line.data.__module__].__doc__ or inspect.getdoc(line.data) or ""
    return " ".join(text.split("\n\n", 1)[0].split())


def _on(topic: str) -> list[EventType]:
    return [line for line in CATALOGUE if line.topic == topic]


def _keys(topic: str) -> str:
    return ", ".join(f"program/{keyed}" for keyed in dict.fromkeys(x.keyed for x in _on(topic)))


def _between(producer: str, consumer: str) -> list[str]:
    return [
        line.name for line in CATALOGUE if line.producer == producer and consumer in line.consumers
    ]


def _operations(topic: str) -> Iterable[tuple[str, str, list[str]]]:
    lines = _on(topic)
    for producer in dict.fromkeys(line.producer for line in lines):
        yield producer, "send", [line.name for line in lines if line.producer == producer]
    for consumer in dict.fromkeys(name for line in lines for name in line.consumers):
        yield consumer, "receive", [line.name for line in lines if consumer in line.consumers]
