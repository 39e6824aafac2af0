"""A campaign for the demo and for tests: confirmed, and perhaps started long ago.

Not reachable over HTTP, where nobody promises anything for the past.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from services.campaigns.managing import carry_out
from services.campaigns.model import SeedCampaign
from services.campaigns.settings import encode_body, read_body
from shared.audit.deeds import Actor, Deed
from shared.clock import Clock, system
from shared.db.engine import Database
from shared.errors import Misconfigured
from shared.ids import parse_id, text_id
from shared.outcome import Refused
from shared.random_ids import uuid7

AUTHOR: Final = "seeding"


class Seeded(Struct, frozen=True):
    """Text ids of what was made."""

    campaign_id: str
    template_ids: tuple[str, ...]


async def seed_campaign(  # noqa: PLR0913 - a campaign's body, its time, its ids
    database: Database,
    program: str,
    body: Mapping[str, Any],
    starts_at: datetime,
    ends_at: datetime,
    *,
    campaign_id: str | None = None,
    template_ids: Sequence[str] = (),
    clock: Clock = system,
) -> Seeded:
    """Make a confirmed campaign; what it owes for what is known already is given at once.

    `body` as in HTTP: kind, name, coupons …. A campaign whose id is known is left as it is. Raises
    pydantic's ValidationError for a body that is none, Misconfigured when the campaign is refused.
    """
    promised = read_body(body)
    now = clock()
    campaign = parse_id("cmp", campaign_id) if campaign_id else uuid7(now)
    given = [parse_id("cpt", each) for each in template_ids]
    templates = (*given, *(uuid7(now) for _ in promised.coupons[len(given) :]))
    wanted = SeedCampaign(campaign, templates, encode_body(promised), starts_at, ends_at)
    deed = Deed("campaigns.seed", text_id("cmp", campaign), program)
    outcome = await carry_out(database, program, Actor("system", AUTHOR, now), wanted, deed)
    if isinstance(outcome, Refused):
        raise Misconfigured(f"the campaign {promised.name!r}: {outcome.detail}")
    return Seeded(
        text_id("cmp", campaign), tuple(text_id("cpt", template) for template in templates)
    )
