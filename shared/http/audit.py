"""The audit of a service over HTTP: who did what, the newest first."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from msgspec import Struct
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.days import render
from shared.db.engine import Database
from shared.db.transaction import Row, Tx, statements
from shared.errors import HttpProblem
from shared.http.app import router
from shared.http.auth import Reach, reaching
from shared.http.paging import USUAL, PageSize, PageToken, after, page
from shared.http.reading import known_id
from shared.ids import text_id, uuid_of
from shared.random_ids import first_of

PREFIX: Final = "aud"
_LAST: Final = UUID(int=2**128 - 1)
Reading = Annotated[Reach, Depends(reaching("audit.read"))]
_Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


class AuditLine(BaseModel):
    """A deed. What was changed or shown is named, never told."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "entry_id": "aud_agojyzjeabykvaaaaaaaaaaaay",
                "service": "gateway",
                "at": "2026-03-01T02:00:00.000Z",
                "program_id": "prg_agojyzjeabykvaaaaaaaaaaaae",
                "actor_kind": "key",
                "actor_id": "key_agojyzjeabykvaaaaaaaaaaaau",
                "action": "stores.change",
                "target": "sto_agojyzjeabykvaaaaaaaaaaaai",
                "fields": ["status"],
                "reason": None,
                "ip_prefix": "203.0.113.0/24",
                "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            }
        }
    )

    entry_id: str
    service: str
    at: str
    program_id: str | None = Field(description="None: the whole installation")
    actor_kind: Literal["staff", "key", "member", "operator", "system"]
    actor_id: str
    action: str
    target: str
    fields: list[str]
    reason: str | None
    ip_prefix: str | None
    request_id: str | None


class AuditPage(BaseModel):
    """Deeds, the newest first."""

    items: list[AuditLine]
    next_page_token: str | None


class Wanted(Struct, frozen=True):
    """Which deeds are looked for."""

    program: str | None
    """None: of all programs, and of none."""
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def query(self) -> dict[str, str]:
        """The same as parameters of a request."""
        given = {
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "from": None if self.since is None else render(self.since),
            "until": None if self.until is None else render(self.until),
        }
        return {name: value for name, value in given.items() if value is not None}


def wanted(
    reach: Reading,
    actor: _Text = None,
    action: _Text = None,
    target: _Text = None,
    since: Annotated[
        AwareDatetime | None, Query(alias="from", description="At or after; default: all")
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before; default: all")] = None,
) -> Wanted:
    """Dependency: the filters of a caller, within his program."""
    return Wanted(reach.program, actor, action, target, since, until)


Filtered = Annotated[Wanted, Depends(wanted)]


def audit_router() -> APIRouter:
    """The route of a service's own audit."""
    routes = router(prefix="/v1", tags=["audit"])

    @routes.get("/audit", name="audit.list", response_model=AuditPage)
    async def list_audit(
        request: Request,
        wanted: Filtered,
        page_size: PageSize = USUAL,
        page_token: PageToken = None,
    ) -> Any:
        """Who did what, the newest first: by whom, what kind of deed, to what, when."""
        cursor = after(page_token, str)
        before = known_id(PREFIX, cursor[0], "page") if cursor else None
        database: Database = request.app.state.database
        async with statements(database, wait_seconds=1.0) as tx:
            await expect_program(tx, wanted.program)
            rows = await find(tx, wanted, before, page_size + 1)
        items = [line(request.app.title, row) for row in rows[:page_size]]
        return page(rows, page_size, items, [items[-1]["entry_id"] if items else ""])

    return routes


async def expect_program(tx: Tx, program: str | None) -> None:
    """Raise 404 for a program that this service does not know (yet)."""
    if program is None:
        return
    sql = "select 1 from program where public_id = $1"
    if await tx.fetch_one(sql, uuid_of(program)) is None:
        raise HttpProblem(404, "not-found", "No such program.")


async def find(tx: Tx, wanted: Wanted, before: UUID | None, most: int) -> Sequence[Row]:
    """Deeds before an entry, the newest first, by the primary key or audit_entry_program_idx."""
    least = first_of(wanted.since) if wanted.since else UUID(int=0)
    end = min(before or _LAST, first_of(wanted.until) if wanted.until else _LAST)
    given = {
        "program": wanted.program,
        "actor_id": wanted.actor,
        "action": wanted.action,
        "target": wanted.target,
    }
    named = {name: value for name, value in given.items() if value is not None}
    cut = "".join(f" and {name} = ${place}" for place, name in enumerate(named, 4))
    return await tx.fetch(
        f"""
        select * from audit_entry where entry_id >= $1 and entry_id < $2{cut}
        order by entry_id desc limit $3
        """,
        least,
        end,
        most,
        *named.values(),
    )


def line(service: str, row: Row) -> Mapping[str, Any]:
    """An entry as it is told."""
    told = {
        "entry_id": text_id(PREFIX, row["entry_id"]),
        "service": service,
        "at": render(row["at"]),
        "program_id": row["program"],
    }
    names = ("actor_kind", "actor_id", "action", "target", "fields", "reason", "ip_prefix")
    return told | {name: row[name] for name in (*names, "request_id")}
