"""Programs and published settings, as the rules get them."""

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.days import BEGINNING
from shared.programs import Program, Store
from shared.settings.versions import Published, Version, Versions
from tests.builders.storefront import STORE

PROGRAM = "prg_agojyzjeabykvaaaaaaaaaaaae"
M = TypeVar("M", bound=BaseModel)


def a_program(
    *,
    text_id: str = PROGRAM,
    number: int = 1,
    time_zone: str = "Asia/Shanghai",
    currency: str = "CNY",
    region: str = "CN",
) -> Program:
    """A program of the demo's kind."""
    return Program(
        id=number,
        text_id=text_id,
        name="Demo",
        time_zone=time_zone,
        currency=currency,
        default_region=region,
        locale="zh-CN",
        status="open",
        stores=(Store(STORE, "generic", "open"),),
    )


def versions(first: M, *later: tuple[datetime, M]) -> Versions[M]:
    """Published versions 1, 2, 3 …: the first holds from the beginning."""
    bodies = [(BEGINNING, first), *later]
    return Versions(tuple(Version(number, at, body) for number, (at, body) in enumerate(bodies, 1)))


def published(program: Program, **documents: Versions[Any]) -> Published:
    """Documents of one program; `ladder_main` is the document `ladder/main`."""
    return Published({
        (program.id, name.replace("_", "/")): found for name, found in documents.items()
    })
