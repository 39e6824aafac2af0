"""Profiles of members as a caller may see them: opened for this request, kept nowhere."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy import Row

from services.members.personal import queries
from services.members.profile.model import Kept, Profile
from services.members.profile.rules.masking import shown
from services.members.profile.rules.merging import merge
from services.members.profile.vault import Vault
from shared.http.auth import Scope
from shared.http.reading import Reader
from shared.logs import logger


async def of_members(
    request: Request, reader: Reader, members: Collection[UUID]
) -> dict[UUID, Profile]:
    """What is known of members by all of their customers, by member."""
    return _by(request, await queries.list_profiles(reader, members), "member_id")


async def of_customer(request: Request, reader: Reader, customer_id: UUID) -> Profile:
    """What is known of a customer alone."""
    rows = await queries.find_profile(reader, customer_id)
    return _by(request, rows, "customer_id").get(customer_id, {})


def seen(scope: Scope, profile: Profile) -> dict[str, str]:
    """A profile as the caller may see it."""
    return shown(scope.caller, {name: known.value for name, known in profile.items()})


def _by(request: Request, rows: Collection[Row[Any]], whose: str) -> dict[UUID, Profile]:
    vault: Vault = request.app.state.vault
    found: dict[UUID, list[Profile]] = defaultdict(list)
    for row in rows:
        kept = Kept(row.program_id, row.customer_id, row.key_id, row.wrapped, row.kek, row.sealed)
        try:
            found[getattr(row, whose)].append(vault.open(kept))
        except ValueError:  # it is counted where it is written; who reads sees nothing of it
            logger("members").error("contact", reason="damaged")
    return {key: merge(profiles) for key, profiles in found.items()}
