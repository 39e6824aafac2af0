"""The generated part of a service's README: events, rules, routes, settings, tables."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from shared.api import build_app
from shared.config import Config
from shared.events.catalogue import CATALOGUE
from shared.schema import service_metadata
from shared.service import Service

BEGIN: Final = "<!-- generated: `make generate` -->"
END: Final = "<!-- end -->"
_ROOT: Final = Path(__file__).parent.parent
_EVERYWHERE: Final = (
    "/livez", "/readyz", "/startupz", "/version", "/metrics", "/v1/settings", "/v1/dead-letters",
    "/v1/parked-programs", "/v1/halts",
)  # fmt: skip


def readme(service: Service) -> str:
    """The whole README with its generated part made anew. Raises ValueError without the marks."""
    text = (_ROOT / path_of(service)).read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{generated(service)}\n{END}{after}"


def path_of(service: Service) -> str:
    """Where the README is, from the root of the project."""
    return f"services/{service.name}/README.md"


def generated(service: Service) -> str:
    """Everything that is read off the code."""
    app = build_app(service, Config())
    parts = [
        _table("Events", ("Direction", "Event", "Topic"), _events(service.name)),
        _table("Rules", ("Rule", "File", "Tests"), _rules(service.name)),
        _table("Routes", ("Route", "Operation", "Answers"), _routes(app)),
        _table("Settings", ("Document", "Field", "Default", "Meaning"), _settings(service)),
        _table("Tables", ("Table", "Primary key"), _tables(service)),
    ]
    return "\n".join(part for part in parts if part)


def _table(title: str, heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    found = [f"| {' | '.join(row)} |" for row in rows]
    if not found:
        return ""
    lines = [f"## {title}", "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *found, ""])


def _events(name: str) -> Iterator[tuple[str, ...]]:
    for line in CATALOGUE:
        if name in line.consumers:
            yield "reads", f"`{line.name}`", f"`{line.topic}`"
        elif line.is_read_by(name):
            yield "hands on", f"`{line.name}`", f"`{line.topic}`"
    for line in CATALOGUE:
        if line.producer == name:
            yield "emits", f"`{line.name}`", f"`{line.topic}`"


def _rules(name: str) -> Iterator[tuple[str, ...]]:
    root = _ROOT / "services" / name
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if path.stem == "__init__" or not {"rules", "connectors", "measures"} & set(parts):
            continue
        tests = f"tests/rules/{name}/test_{path.stem}.py"
        file = path.relative_to(root).as_posix()
        shown = f"[`test_{path.stem}`](../../{tests})" if (_ROOT / tests).is_file() else ""
        yield _first_line(path), f"[`{file}`]({file})", shown


def _first_line(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n", 1)[0]


def _routes(app: FastAPI) -> Iterator[tuple[str, ...]]:
    for path, methods in app.openapi()["paths"].items():
        if path.startswith(_EVERYWHERE):
            continue
        for method, operation in methods.items():
            meaning = operation.get("description", "").split("\n", 1)[0]
            yield f"`{method.upper()} {path}`", f"`{operation['operationId']}`", meaning


def _settings(service: Service) -> Iterator[tuple[str, ...]]:
    for document in service.documents:
        for name, field in _fields(document.model):
            default = "" if field.is_required() else _shown(field.get_default())
            yield f"`{document.name}`", f"`{name}`", default, field.description or ""


def _fields(model: type[BaseModel], within: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Fields by their paths; a model inside another gives its own."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind, f"{within}{name}.")
        else:
            yield f"{within}{name}", field


def _shown(default: Any) -> str:  # noqa: ANN401 - of any settings field
    """A default as one writes it; an empty one is none."""
    text = to_json(default).decode()
    return "" if text in {"null", "[]", '""'} else f"`{text}`"


def _tables(service: Service) -> Iterator[tuple[str, ...]]:
    of_all = service_metadata().tables
    for table in service.schema.metadata.sorted_tables:
        if table.name not in of_all:
            yield f"`{table.name}`", ", ".join(column.name for column in table.primary_key)
