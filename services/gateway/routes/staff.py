"""Staff and their roles, as who manages them sees them."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from services.gateway.routes.asked import API, accounts, by, now
from services.gateway.staff import telling
from services.gateway.staff.decide import Manager
from services.gateway.staff.model import ALL_STORES, Grant, Staff
from services.gateway.staff.schemas import ChangeStaff, Invited, NewStaff, Role, RolePage, StaffPage
from services.gateway.staff.schemas import Staff as StaffDocument
from shared.days import render
from shared.http.app import router
from shared.http.auth import Reach, expect_step_up, reaching
from shared.http.problems import documented
from shared.http.reading import known_id
from shared.random_ids import uuid7

ROUTER = router()
_Reader = Annotated[Reach, Depends(reaching("staff.read"))]
_Manager = Annotated[Reach, Depends(reaching("staff.manage"))]


@ROUTER.get(f"{API}/roles", name="roles.list", tags=["staff"], response_model=RolePage)
async def list_roles(_reach: _Reader) -> Any:
    """The roles: what each permits, and what it shows of people."""
    return telling.roles()


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


def _manager(reach: Reach) -> Manager:
    return Manager(reach.program, reach.caller.permissions)


def _grants(roles: list[Role]) -> tuple[Grant, ...]:
    return tuple(Grant(each.program_id, each.role, _stores(each.stores)) for each in roles)


def _stores(stores: list[str]) -> tuple[str, ...]:
    return ALL_STORES if "*" in stores else tuple(sorted(set(stores)))


def _invited(staff: Staff, link: tuple[str, datetime]) -> dict[str, Any]:
    token, until = link
    return telling.staff(staff) | {"invitation": {"token": token, "expires_at": render(until)}}
