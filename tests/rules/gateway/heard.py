"""Deliveries of shops, read and normalised as intake does it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from services.gateway.connectors import forms
from services.gateway.connectors.port import Connector, Heard
from services.gateway.model import Connection
from services.gateway.rules.normalising import Shop, normalise
from services.gateway.rules.reading import told
from services.gateway.settings import USUAL, ConnectionSettings
from shared.sealing import blind_index
from tests.builders.events import instant
from tests.builders.programs import PROGRAM
from tests.builders.storefront import STORE

NOW = instant("2026-04-01")
ROOT = b"r" * 32
FOLDER = Path(__file__).parents[2] / "data" / "webhooks"


def plainly(place: str, content: bytes) -> str:
    """A box that anybody can look into."""
    return f"{place}|{content.decode()}"


def a_shop(now: Any = NOW, **changes: Any) -> Shop:
    """A connection of the demo's kind."""
    values: dict[str, Any] = {
        "id": UUID(int=1),
        "text_id": "whk_1",
        "program_id": 1,
        "program": PROGRAM,
        "time_zone": "Asia/Shanghai",
        "region": "CN",
        "store": STORE,
        "source": "generic",
        "state": "active",
        "secrets": (),
        "identity_key": b"i" * 32,
    }
    return Shop(
        Connection(**values | changes), lambda *parts: [blind_index(ROOT, *parts)], now, plainly
    )


def payload(source: str, name: str) -> dict[str, Any]:
    """A payload that a shop sent."""
    found: dict[str, Any] = json.loads((FOLDER / source / f"{name}.json").read_text("utf-8"))
    return found


def heard(
    connector: Connector,
    body: Mapping[str, Any],
    settings: ConnectionSettings = USUAL,
    **headers: str,
) -> Heard:
    """What a delivery says; header names with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return connector.read(json.dumps(body).encode(), named, settings)


def events(said: Heard, source: str, **shop: Any) -> list[Any]:
    """The data of its events."""
    where = a_shop(source=source, **shop)
    again = [forms.read(msgspec.json.encode(each)) for each in told(where, said)[0]]
    return [normalise(where, each).data for each in again]
