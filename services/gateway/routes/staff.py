"""Staff and their roles, as who manages them sees them."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from services.gateway.routes.asked import API, accounts, by, now, roles
from services.gateway.staff import telling
from services.gateway.staff.decide import Manager
from services.gateway.staff.model import ALL_STORES, Grant, Staff
from services.gateway.staff.schemas import (
    ChangeRole,
    ChangeStaff,
    Invited,
    NewRole,
    NewStaff,
    Role,
    RoleLine,
    RolePage,
    StaffPage,
)
from services.gateway.staff.schemas import Staff as StaffDocument
from shared.days import render
from shared.http.app import router
from shared.http.auth import Reach, Scope, expect_step_up, reaching, scoped
from shared.http.problems import documented
from shared.http.reading import known_id
from shared.random_ids import uuid7

ROUTER = router()
_Reader = Annotated[Reach, Depends(reaching("staff.read"))]
_Manager = Annotated[Reach, Depends(reaching("staff.manage"))]
_Here = Annotated[Scope, Depends(scoped("staff.manage"))]


@ROUTER.get(f"{API}/roles", name="roles.list", tags=["staff"], response_model=RolePage)
async def list_roles(request: Request, reach: _Reader) -> Any:
    """The ten roles and the program's own: what each permits, and what it shows of people."""
    return telling.roles(await roles(request).list(_manager(reach)))


@ROUTER.post(f"{API}/roles", name="roles.create", tags=["staff"], status_code=201,
             response_model=RoleLine, responses=documented(409))  # fmt: skip
async def add_role(request: Request, body: NewRole, scope: _Here) -> Any:
    """Make a role of the program's own, with nothing in it that its maker does not have."""
    expect_step_up(request, scope.caller)
    made = await roles(request).add(_manager(scope), by(request, scope), body)
    return telling.role(*made)


@ROUTER.patch(f"{API}/roles/{{role_id}}", name="roles.change", tags=["staff"],
              response_model=RoleLine, responses=documented(409))  # fmt: skip
async def change_role(request: Request, role_id: str, body: ChangeRole, scope: _Here) -> Any:
    """Change a role of the program's own. Who holds it is signed out everywhere."""
    expect_step_up(request, scope.caller)
    changed = await roles(request).change(_manager(scope), by(request, scope), role_id, body)
    return telling.role(role_id, changed)


@ROUTER.delete(f"{API}/roles/{{role_id}}", name="roles.remove", tags=["staff"], status_code=204,
               responses=documented(409))  # fmt: skip
async def remove_role(request: Request, role_id: str, scope: _Here) -> Response:
    """Remove a role of the program's own that nobody holds. The ten stay as they are."""
    expect_step_up(request, scope.caller)
    await roles(request).remove(_manager(scope), by(request, scope), role_id)
    return Response(status_code=204)


@ROUTER.get(f"{API}/staff", name="staff.list", tags=["staff"], response_model=StaffPage)
async def list_staff(request: Request, reach: _Reader) -> Any:
    """Staff with a role in the program; of all programs for who names none."""
    found = await accounts(request).list(_manager(reach))
    return {"items": [telling.staff(each) for each in found]}


@ROUTER.post(f"{API}/staff", name="staff.create", tags=["staff"], status_code=201,
             response_model=Invited, responses=documented(409))  # fmt: skip
async def invite(request: Request, body: NewStaff, reach: _Manager) -> Any:
    """Invite somebody. What the invitation is taken with within 72 hours is shown this once."""
    expect_step_up(request, reach.caller)
    at = now(request)
    wanted = Staff(
        staff_id=uuid7(at),
        email=body.email.casefold(),
        name=body.name,
        locale=body.locale,
        status="invited",
        enrolled=False,
        accepted=False,
        created_at=at,
        grants=_grants(body.roles),
    )
    made = await accounts(request).invite(_manager(reach), by(request, reach), wanted)
    return _invited(*made)


@ROUTER.get(f"{API}/staff/{{staff_id}}", name="staff.get", tags=["staff"],
            response_model=StaffDocument)  # fmt: skip
async def get_staff(request: Request, staff_id: str, reach: _Reader) -> Any:
    """One staff member."""
    identity = known_id("stf", staff_id, "staff member")
    return telling.staff(await accounts(request).find(_manager(reach), identity))


@ROUTER.patch(f"{API}/staff/{{staff_id}}", name="staff.change", tags=["staff"],
              response_model=StaffDocument, responses=documented(409))  # fmt: skip
async def change_staff(request: Request, staff_id: str, body: ChangeStaff, reach: _Manager) -> Any:
    """Change name, roles or status. Other roles or none: they are signed out everywhere.

    Who is disabled loses the API keys that they made, within 5 seconds.
    """
    identity = known_id("stf", staff_id, "staff member")
    expect_step_up(request, reach.caller)
    wanted = body.model_dump(exclude_unset=True, exclude={"roles"})
    if "roles" in body.model_fields_set:
        wanted["grants"] = _grants(body.roles)
    changed = await accounts(request).change(_manager(reach), by(request, reach), identity, wanted)
    return telling.staff(changed)


@ROUTER.post(f"{API}/staff/{{staff_id}}:invite", name="staff.invite", tags=["staff"],
             response_model=Invited, responses=documented(409))  # fmt: skip
async def invite_again(request: Request, staff_id: str, reach: _Manager) -> Any:
    """Invite somebody again who lost the invitation or the password; it counts no more."""
    identity = known_id("stf", staff_id, "staff member")
    expect_step_up(request, reach.caller)
    made = await accounts(request).invite_again(_manager(reach), by(request, reach), identity)
    return _invited(*made)


@ROUTER.post(f"{API}/staff/{{staff_id}}:reset-mfa", name="staff.reset-mfa", tags=["staff"],
             response_model=StaffDocument)  # fmt: skip
async def reset_mfa(request: Request, staff_id: str, reach: _Manager) -> Any:
    """Take away a second factor that was lost. They are signed out everywhere."""
    identity = known_id("stf", staff_id, "staff member")
    expect_step_up(request, reach.caller)
    changed = await accounts(request).reset_mfa(_manager(reach), by(request, reach), identity)
    return telling.staff(changed)


def _manager(held: Reach | Scope) -> Manager:
    caller = held.caller
    levels = caller.level("contact"), caller.level("private")
    return Manager(held.program, caller.permissions, *levels)


def _grants(roles: list[Role]) -> tuple[Grant, ...]:
    return tuple(Grant(each.program_id, each.role, _stores(each.stores)) for each in roles)


def _stores(stores: list[str]) -> tuple[str, ...]:
    return ALL_STORES if "*" in stores else tuple(sorted(set(stores)))


def _invited(staff: Staff, link: tuple[str, datetime]) -> dict[str, Any]:
    token, until = link
    return telling.staff(staff) | {"invitation": {"token": token, "expires_at": render(until)}}
