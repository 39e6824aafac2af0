"""What roles permit and show, and what may become of those who hold them."""

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from services.gateway.staff.decide import Manager, change, give, handle
from services.gateway.staff.model import ALL_STORES, Grant, Role, RoleName, Staff
from services.gateway.staff.rules.roles import (
    GRAVE,
    PERMISSIONS,
    ROLES,
    held_in,
    needs_mfa,
    own_role,
    rights,
    stores_of,
)
from shared.ids import derive, text_id
from shared.outcome import Refused
from tests.builders.events import instant

A, B = (text_id("prg", derive(name)) for name in "AB")
SHOP = text_id("sto", derive("shop"))
OWNER = Manager(None, frozenset({"*"}))
OWNER_OF_A = Manager(A, frozenset({"*"}))
HELPER_OF_A = Manager(A, frozenset({"staff.manage", "programs.read", "analytics.read"}))
EVERYWHERE = Grant(None, "owner")


def staff(*grants: Grant, status: Any = "active", accepted: bool = True) -> Staff:
    """Somebody with roles."""
    return Staff(
        staff_id=derive("li"),
        email="li@shop.example",
        name="Li",
        locale="zh-CN",
        status=status,
        enrolled=False,
        accepted=accepted,
        created_at=instant("2026-03-01 10:00"),
        grants=grants,
    )


def refused(outcome: object) -> str:
    """The code of a refusal."""
    assert isinstance(outcome, Refused), outcome
    return outcome.code


# What roles permit.


def test_there_are_ten_roles_and_each_permits_what_there_is() -> None:
    assert tuple(ROLES) == get_args(RoleName)
    assert len(ROLES) == 10
    for role in ROLES.values():
        assert role.permissions <= {*PERMISSIONS, "*"}
    assert list(PERMISSIONS) == sorted(set(PERMISSIONS))


def test_everything_is_the_owners_alone() -> None:
    assert [name for name, role in ROLES.items() if "*" in role.permissions] == ["owner"]


@pytest.mark.parametrize(
    ("role", "contact", "private"),
    [
        ("owner", "reveal", "reveal"),
        ("manager", "reveal", "masked"),
        ("marketer", "masked", "hidden"),
        ("service", "reveal", "masked"),
        ("counter", "masked", "hidden"),
        ("finance", "hidden", "hidden"),
        ("data-officer", "reveal", "reveal"),
        ("analyst", "hidden", "hidden"),
        ("auditor", "hidden", "hidden"),
        ("developer", "hidden", "hidden"),
    ],
)
def test_roles_show_of_people_what_is_written(role: str, contact: str, private: str) -> None:
    assert rights([role]).fields == (("contact", contact), ("private", private))


def test_a_second_factor_is_mandatory_for_four_roles() -> None:
    assert {name for name in ROLES if needs_mfa([name])} == {
        "owner", "manager", "data-officer", "developer",
    }  # fmt: skip
    assert needs_mfa(["analyst", "developer"])


def test_who_sees_no_contact_may_not_reveal_any() -> None:
    for role in ROLES.values():
        if "members.reveal" in role.permissions:
            assert "reveal" in {role.contact, role.private}


def test_several_roles_come_to_what_any_permits_and_the_widest_shows() -> None:
    both = rights(["counter", "data-officer", "unknown"])
    assert both.permissions == ROLES["counter"].permissions | ROLES["data-officer"].permissions
    assert (both.contact, both.private) == ("reveal", "reveal")


def test_no_role_comes_to_nothing() -> None:
    assert rights([]).permissions == frozenset()
    assert rights([]).fields == (("contact", "hidden"), ("private", "hidden"))


# Where they count.


def test_a_role_counts_in_its_program_and_one_of_all_in_each() -> None:
    grants = [Grant(A, "manager"), Grant(B, "analyst"), Grant(None, "auditor")]
    assert held_in(grants, A) == [Grant(A, "manager"), Grant(None, "auditor")]
    assert held_in(grants, None) == [Grant(None, "auditor")]


def test_roles_of_some_stores_never_reach_further_through_another_role() -> None:
    narrow = [Grant(A, "manager", (SHOP,)), Grant(None, "analyst")]
    assert stores_of(narrow) == (SHOP,)
    assert stores_of([Grant(A, "manager", (SHOP,)), Grant(A, "analyst", ("sto_x",))]) == ()
    assert stores_of([Grant(A, "manager")]) == ALL_STORES


# Who may give what.


def test_roles_are_given_where_the_manager_is_and_others_stay() -> None:
    held = (Grant(A, "analyst"), Grant(B, "manager"))
    assert give(OWNER_OF_A, held, (Grant(A, "counter"),)) == (
        Grant(B, "manager"),
        Grant(A, "counter"),
    )
    assert give(OWNER, held, (Grant(A, "counter"),)) == (Grant(A, "counter"),)


@pytest.mark.parametrize("wanted", [Grant(B, "counter"), Grant(None, "counter")])
def test_no_role_is_given_where_the_manager_is_not(wanted: Grant) -> None:
    assert refused(give(OWNER_OF_A, (), (wanted,))) == "not-found"


def test_nobody_gives_or_takes_what_they_may_not_do_themselves() -> None:
    assert give(HELPER_OF_A, (), (Grant(A, "analyst"),)) == (Grant(A, "analyst"),)
    assert refused(give(HELPER_OF_A, (), (Grant(A, "owner"),))) == "forbidden"
    assert refused(give(HELPER_OF_A, (), (Grant(A, "manager"),))) == "forbidden"
    assert refused(give(HELPER_OF_A, (Grant(A, "owner"),), ())) == "forbidden"
    kept = (Grant(A, "owner"),)
    assert give(HELPER_OF_A, kept, (*kept, Grant(A, "analyst"))) == (*kept, Grant(A, "analyst"))


@pytest.mark.parametrize(
    "wanted",
    [
        (Grant(A, "counter"), Grant(A, "counter")),
        (Grant(A, "counter", (SHOP,)), Grant(A, "analyst")),
        (Grant(None, "counter", (SHOP,)),),
    ],
)
def test_roles_that_do_not_go_together_are_refused(wanted: tuple[Grant, ...]) -> None:
    assert refused(give(OWNER, (), wanted)) == "invalid"


# Roles of a program's own.


OWN = text_id("rol", derive("own"))


def own(*permissions: str, program: str = A, **levels: Any) -> dict[str, Role]:
    """The ten and one of a program's own."""
    return {**ROLES, OWN: own_role(Role(frozenset(permissions), program=program, **levels))}


def test_an_own_role_is_given_in_its_program_alone() -> None:
    known = own("analytics.read")
    assert give(OWNER, (), (Grant(A, OWN),), known) == (Grant(A, OWN),)
    for grant in (Grant(B, OWN), Grant(None, OWN), Grant(A, text_id("rol", derive("none")))):
        assert refused(give(OWNER, (), (grant,), known)) == "not-found"


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (own("analytics.read"), None),
        (own("members.read"), "forbidden"),
        (own("analytics.read", contact="reveal"), "forbidden"),
        (own("analytics.read", private="masked"), "forbidden"),
        (own("analytics.read", contact="clear"), "forbidden"),
    ],
)
def test_nobody_gives_an_own_role_with_what_they_lack(
    known: dict[str, Role],
    code: str | None,
) -> None:
    helper = replace(HELPER_OF_A, contact="masked")
    given = give(helper, (), (Grant(A, OWN),), known)
    assert (given.code if isinstance(given, Refused) else None) == code
    assert not isinstance(give(OWNER_OF_A, (), (Grant(A, OWN),), known), Refused)


def test_the_level_clear_is_given_by_owners_alone_even_where_it_is_held() -> None:
    known = own("analytics.read", contact="clear")
    sees_all = replace(HELPER_OF_A, contact="clear", private="clear")
    assert refused(give(sees_all, (), (Grant(A, OWN),), known)) == "forbidden"
    assert known[OWN].mfa


@pytest.mark.parametrize("permission", sorted(GRAVE))
def test_an_own_role_with_a_grave_permission_needs_a_second_factor(permission: str) -> None:
    assert needs_mfa([OWN], own(permission))
    assert not needs_mfa([OWN], own("members.read"))


def test_who_may_do_more_is_no_account_to_be_changed() -> None:
    """Else whoever may invite an owner again would be the owner."""
    for news in ({"status": "invited"}, {"status": "disabled"}, {"name": "X"}):
        wanted = dict[str, object](news)
        above = staff(Grant(A, "owner"))
        assert refused(change(HELPER_OF_A, above, wanted, other_owners=True)) == "forbidden"
        beside = staff(Grant(A, "analyst"))
        assert isinstance(change(HELPER_OF_A, beside, wanted, other_owners=True), Staff)
    assert handle(HELPER_OF_A, staff(Grant(A, "analyst"))) is None


# What becomes of somebody.


def test_the_last_owner_stays() -> None:
    owner = staff(EVERYWHERE)
    for wanted in ({"status": "disabled"}, {"grants": ()}, {"status": "invited"}):
        assert refused(change(OWNER, owner, wanted, other_owners=False)) == "last-owner"
        assert isinstance(change(OWNER, owner, wanted, other_owners=True), Staff)
    assert isinstance(change(OWNER, owner, {"name": "Wei"}, other_owners=False), Staff)


def test_who_has_roles_elsewhere_is_not_changed_but_for_the_roles_here() -> None:
    both = staff(Grant(A, "analyst"), Grant(B, "analyst"))
    wanted: dict[str, object] = {"status": "disabled"}
    assert refused(change(OWNER_OF_A, both, wanted, other_owners=True)) == "forbidden"
    changed = change(OWNER_OF_A, both, {"grants": ()}, other_owners=True)
    assert changed == replace(both, grants=(Grant(B, "analyst"),))


def test_somebody_invited_becomes_active_by_a_password_alone() -> None:
    invited = staff(status="invited", accepted=False)
    assert (
        refused(change(OWNER, invited, {"status": "active"}, other_owners=True)) == "state-conflict"
    )
    disabled = staff(status="disabled", accepted=False)
    changed = change(OWNER, disabled, {"status": "active"}, other_owners=True)
    assert changed == replace(disabled, status="invited")


def test_a_manager_sees_who_has_a_role_where_they_are() -> None:
    assert OWNER_OF_A.sees(staff(Grant(A, "analyst")))
    assert OWNER_OF_A.sees(staff(EVERYWHERE))
    assert not OWNER_OF_A.sees(staff(Grant(B, "analyst")))
    assert not OWNER_OF_A.sees(staff())
    assert OWNER.sees(staff())
