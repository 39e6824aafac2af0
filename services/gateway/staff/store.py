"""Write SQL of accounts: their roles, links and second factors. One statement a function."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from services.gateway.staff.model import Grant, Reached, Roles, Staff
from services.gateway.staff.role_rows import role_of
from services.gateway.staff.tables import EVERY_PROGRAM
from shared.db.transaction import Row, Tx
from shared.ids import text_id, uuid_of

# Accounts.


async def add_staff(tx: Tx, staff: Staff, password_hash: str | None) -> bool:
    """A new account; whether nobody else has the e-mail."""
    added = await tx.execute(
        """
        insert into staff (staff_id, email, name, locale, status, password_hash, created_at)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (email) do nothing
        """,
        staff.staff_id,
        staff.email,
        staff.name,
        staff.locale,
        staff.status,
        password_hash,
        staff.created_at,
    )
    return added == 1


async def find_account(tx: Tx, email: str) -> Row | None:
    """An account by its e-mail, by staff_email_key."""
    return await tx.fetch_one("select * from staff where email = $1", email)


async def lock_account(tx: Tx, staff_id: UUID) -> Row | None:
    """An account, which nobody else changes until the commit."""
    return await tx.fetch_one("select * from staff where staff_id = $1 for update", staff_id)


async def save_staff(tx: Tx, staff: Staff) -> None:
    """Write what staff may change of an account."""
    await tx.execute(
        "update staff set name = $2, locale = $3, status = $4 where staff_id = $1",
        staff.staff_id,
        staff.name,
        staff.locale,
        staff.status,
    )


async def set_password(tx: Tx, staff_id: UUID, password_hash: str | None, status: str) -> None:
    """Another password, or none, and what the account is with it."""
    await tx.execute(
        "update staff set password_hash = $2, status = $3 where staff_id = $1",
        staff_id,
        password_hash,
        status,
    )


async def list_staff(tx: Tx) -> Sequence[Row]:
    """Accounts with their roles: one row per role, one without for who has none."""
    return await tx.fetch(
        """
        select s.*, r.program_id, r.role, r.stores, p.public_id
        from staff s left join staff_role r on r.staff_id = s.staff_id
        left join program p on p.program_id = r.program_id
        order by s.staff_id
        """
    )


async def load_staff(tx: Tx, staff_id: UUID) -> Sequence[Row]:
    """One account with its roles, as `list_staff`."""
    return await tx.fetch(
        """
        select s.*, r.program_id, r.role, r.stores, p.public_id
        from staff s left join staff_role r on r.staff_id = s.staff_id
        left join program p on p.program_id = r.program_id
        where s.staff_id = $1
        """,
        staff_id,
    )


async def lock_owners(tx: Tx) -> Sequence[Row]:
    """Ids of active owners of the installation, none of whom changes until the commit."""
    return await tx.fetch(
        """
        select s.staff_id from staff s
        where s.status = 'active' and exists (
          select from staff_role r
          where r.program_id = 0 and r.staff_id = s.staff_id and r.role = 'owner')
        order by s.staff_id for update
        """
    )


async def has_other_owner(tx: Tx, program: str | None, but: UUID) -> bool:
    """Whether another than `but` could act as owner of a program, or of all."""
    row = await tx.fetch_one(
        """
        select exists (
          select from staff_role r join staff s on s.staff_id = r.staff_id
          left join program p on p.program_id = r.program_id
          where r.role = 'owner' and (r.program_id = 0 or p.public_id = $1)
            and s.status = 'active' and s.staff_id <> $2) as found
        """,
        None if program is None else uuid_of(program),
        but,
    )
    return row is not None and bool(row["found"])


async def list_acting(tx: Tx, program: str, but: UUID) -> Sequence[Row]:
    """Roles of everybody else who is active in a program, with what its own ones are."""
    return await tx.fetch(
        """
        select r.*, p.public_id, o.name, o.permissions, o.contact, o.private, o.mfa
        from program p join staff_role r on r.program_id in (0, p.program_id)
        join staff s on s.staff_id = r.staff_id and s.status = 'active'
        left join own_role o on o.program_id = r.program_id and o.role = r.role
        where p.public_id = $1 and r.staff_id <> $2 order by r.staff_id, r.program_id, r.role
        """,
        uuid_of(program),
        but,
    )


def holdings_of(rows: Sequence[Row]) -> list[tuple[Sequence[Grant], Roles]]:
    """Rows of several accounts, each with its roles and what their own ones are."""
    groups = groupby(rows, key=lambda row: row["staff_id"])
    return [_holding(list(group)) for _, group in groups]


async def one_at_a_time(tx: Tx, lock: int) -> None:
    """Wait for whoever else does the same; until the commit nobody does."""
    await tx.fetch("select pg_advisory_xact_lock($1)", lock)


async def has_owner(tx: Tx) -> bool:
    """Whether anybody holds the installation who took the invitation, by staff_role_pkey."""
    row = await tx.fetch_one(
        """
        select exists (
          select from staff_role r join staff s on s.staff_id = r.staff_id
          where r.program_id = 0 and r.role = 'owner' and s.status <> 'invited') as found
        """
    )
    return row is not None and bool(row["found"])


# Roles.


async def programs_by_id(tx: Tx, public_ids: Iterable[UUID]) -> Mapping[str, int]:
    """Numbers of programs by their text ids; without those that are not known, or left."""
    rows = await tx.fetch(
        """
        select public_id, program_id from program
        where public_id = any($1::uuid[]) and status <> 'deleted'
        """,
        list(public_ids),
    )
    return {text_id("prg", row["public_id"]): row["program_id"] for row in rows}


async def known_stores(tx: Tx, program_id: int, stores: Iterable[UUID]) -> int:
    """How many of these stores a program has."""
    row = await tx.fetch_one(
        "select count(*) from store where program_id = $1 and store_id = any($2::uuid[])",
        program_id,
        list(stores),
    )
    return int(row[0]) if row else 0


async def remove_roles(tx: Tx, staff_id: UUID) -> None:
    """Take all roles from an account."""
    await tx.execute("delete from staff_role where staff_id = $1", staff_id)


async def add_roles(
    tx: Tx, staff_id: UUID, grants: Iterable[Grant], programs: Mapping[str, int]
) -> None:
    """Give roles to an account."""
    await tx.execute_many(
        "insert into staff_role (program_id, staff_id, role, stores) values ($1, $2, $3, $4)",
        [
            (
                EVERY_PROGRAM if each.program is None else programs[each.program],
                staff_id,
                each.role,
                list(each.stores),
            )
            for each in grants
        ],
    )


async def list_grants(tx: Tx, staff_id: UUID) -> tuple[Sequence[Grant], Roles]:
    """Roles of an account, and what programs' own ones are, by staff_role_staff_idx."""
    rows = await tx.fetch(
        """
        select r.*, p.public_id, o.name, o.permissions, o.contact, o.private, o.mfa
        from staff_role r left join program p on p.program_id = r.program_id
        left join own_role o on o.program_id = r.program_id and o.role = r.role
        where r.staff_id = $1 order by r.program_id, r.role
        """,
        staff_id,
    )
    return _holding(rows)


async def list_reached(tx: Tx, staff_id: UUID) -> Sequence[Reached]:
    """Programs in which an account has a role, in the order in which they were made."""
    rows = await tx.fetch(
        """
        select * from program p
        where exists (
          select from staff_role r where r.staff_id = $1 and r.program_id in (0, p.program_id))
        order by p.program_id
        """,
        staff_id,
    )
    return [
        Reached(
            text_id("prg", row["public_id"]),
            row["name"],
            row["currency"],
            row["time_zone"],
            row["status"],
        )
        for row in rows
    ]


# Links that are good once.


async def put_link(tx: Tx, token_hash: bytes, staff_id: UUID | None, until: datetime) -> None:
    """A link for an account, or for the first owner, instead of one that there is."""
    await tx.execute(
        """
        with gone as (delete from staff_link where staff_id is not distinct from $2)
        insert into staff_link values ($1, $2, $3)
        """,
        token_hash,
        staff_id,
        until,
    )


async def find_link(tx: Tx, token_hash: bytes, now: datetime) -> Row | None:
    """An account by a link that is still good."""
    return await tx.fetch_one(
        """
        select s.* from staff_link l join staff s on s.staff_id = l.staff_id
        where l.token_hash = $1 and l.expires_at > $2
        """,
        token_hash,
        now,
    )


async def is_link(tx: Tx, token_hash: bytes, staff_id: UUID | None, now: datetime) -> bool:
    """Whether a link is still good."""
    row = await tx.fetch_one(
        """
        select from staff_link
        where token_hash = $1 and staff_id is not distinct from $2 and expires_at > $3
        """,
        token_hash,
        staff_id,
        now,
    )
    return row is not None


async def spend_link(tx: Tx, token_hash: bytes, staff_id: UUID | None, now: datetime) -> bool:
    """Use a link up; whether it was good. Of two at once one gets it."""
    spent = await tx.execute(
        """
        delete from staff_link
        where token_hash = $1 and staff_id is not distinct from $2 and expires_at > $3
        """,
        token_hash,
        staff_id,
        now,
    )
    return spent == 1


async def remove_link(tx: Tx, staff_id: UUID | None) -> None:
    """Take back the link of an account, or of the first owner."""
    await tx.execute("delete from staff_link where staff_id is not distinct from $1", staff_id)


# Second factors.


async def offer_secret(tx: Tx, staff_id: UUID, sealed: bytes) -> None:
    """Keep a secret that is to be confirmed."""
    await tx.execute("update staff set mfa_offered = $2 where staff_id = $1", staff_id, sealed)


async def confirm_secret(tx: Tx, staff_id: UUID, step: int) -> None:
    """Make the secret that was offered the one that counts; its step is used."""
    await tx.execute(
        """
        update staff set mfa_secret = mfa_offered, mfa_offered = null, mfa_step = $2
        where staff_id = $1
        """,
        staff_id,
        step,
    )


async def use_step(tx: Tx, staff_id: UUID, step: int) -> None:
    """Note the step of a code, so that it is never taken again."""
    await tx.execute("update staff set mfa_step = $2 where staff_id = $1", staff_id, step)


async def reset_secret(tx: Tx, staff_id: UUID) -> None:
    """Take the second factor away, and its recovery codes."""
    await tx.execute(
        """
        with gone as (delete from recovery_code where staff_id = $1)
        update staff set mfa_secret = null, mfa_offered = null, mfa_step = null
        where staff_id = $1
        """,
        staff_id,
    )


async def put_recovery_codes(tx: Tx, staff_id: UUID, hashes: Sequence[str]) -> None:
    """New recovery codes instead of those that there are."""
    await tx.execute(
        """
        with gone as (delete from recovery_code where staff_id = $1)
        insert into recovery_code select $1, hash from unnest($2::text[]) hash
        """,
        staff_id,
        list(hashes),
    )


async def use_recovery_code(tx: Tx, staff_id: UUID, hashes: Sequence[str]) -> bool:
    """Use a recovery code up, by its hash under any key; whether it was one."""
    used = await tx.execute(
        "delete from recovery_code where staff_id = $1 and code_hash = any($2::text[])",
        staff_id,
        hashes,
    )
    return used == 1


async def count_recovery_codes_unlike(tx: Tx, version: str) -> int:
    """Recovery codes that are kept by their hashes under older keys."""
    row = await tx.fetch_one(
        "select count(*) from recovery_code where not starts_with(code_hash, $1)", version
    )
    assert row is not None
    return int(row[0])


async def revoke_keys(tx: Tx, made_by: str, now: datetime) -> None:
    """End the API keys that somebody made."""
    await tx.execute(
        "update api_key set revoked_at = $2 where made_by = $1 and revoked_at is null", made_by, now
    )


def staff_of(rows: Sequence[Row]) -> Staff:
    """Rows of one account, one per role, as a value."""
    first = rows[0]
    return Staff(
        staff_id=first["staff_id"],
        email=first["email"],
        name=first["name"],
        locale=first["locale"],
        status=first["status"],
        enrolled=first["mfa_secret"] is not None,
        accepted=first["password_hash"] is not None,
        created_at=first["created_at"],
        grants=tuple(sorted(map(_grant, filter(lambda row: row["role"], rows)), key=_place)),
    )


def each_of(rows: Sequence[Row]) -> list[Staff]:
    """Rows of accounts, those of one together, as values."""
    groups = groupby(rows, key=lambda row: row["staff_id"])
    return [staff_of(list(group)) for _, group in groups]


def _holding(rows: Sequence[Row]) -> tuple[Sequence[Grant], Roles]:
    own = {row["role"]: role_of(row) for row in rows if row["name"] is not None}
    return [_grant(row) for row in rows], own


def _grant(row: Row) -> Grant:
    program = None if row["program_id"] == EVERY_PROGRAM else text_id("prg", row["public_id"])
    return Grant(program, row["role"], tuple(row["stores"]))


def _place(grant: Grant) -> tuple[str, str]:
    return grant.program or "", grant.role
