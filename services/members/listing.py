"""The list of members: what it is narrowed to and sorted by (members 11.1, levels 17.2).

| sort | order |
|---|---|
| `member` | by id |
| `joined`, `-joined` | since when they are members, the earliest or the latest first |

What is personal is sealed for each member by itself: nothing can be sorted by it, and whoever does
not see it whole must not learn its order either.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import Query
from msgspec import Struct
from sqlalchemy import BindParameter, Row, Select, bindparam, false, tuple_

from services.members import tables
from services.members.profile.rules.masking import GROUPS, Levels
from services.members.queries import Stores, find_primary, members_seen
from services.members.tiers import tables as tiers
from shared.days import EPOCH, end_of, start_of, zone
from shared.errors import FieldError, HttpProblem
from shared.http.paging import after, after_id
from shared.http.reading import Reader, known_id
from shared.ids import BODY, parse_id, text_id

Order = Literal["member", "joined", "-joined"]
ORDERS: Final[dict[str, Order]] = {each: each for each in get_args(Order)}
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(9000, 1, 1)
_TICK: Final = timedelta(microseconds=1)
_Sort = Annotated[
    str,
    Query(
        pattern=f"^({'|'.join(ORDERS)}|-?({'|'.join(GROUPS)}))$",
        description="`member` (by id), `joined` (since when), `-joined` (the latest first); "
        "a personal field is refused",
    ),
]
_Day = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="Day of the program")]
_Tier = Annotated[
    str | None, Query(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Of the primary ladder")
]
_Home = Annotated[
    str | None, Query(pattern=f"^sto_{BODY}$", description="The branch that looks after them")
]


class Listing(Struct, frozen=True):
    """What a list is narrowed to, and its order."""

    sort: str
    status: str | None
    tier: str | None
    home_store: str | None
    joined_from: date | None
    joined_to: date | None
    """The last day, included."""


def wanted(
    sort: _Sort = "member",
    status: Literal["active", "erased"] | None = None,
    tier: _Tier = None,
    home_store: _Home = None,
    joined_from: _Day = None,
    joined_to: _Day = None,
) -> Listing:
    """What a request wants."""
    return Listing(sort, status, tier, home_store, joined_from, joined_to)


def order_of(caller: Levels, sort: str) -> Order:
    """The order that a caller asks for.

    Raises HttpProblem for personal fields: 403 `forbidden` where the caller does not see the field
    whole, 422 at `/sort` where it is sealed alone.
    """
    if sort in ORDERS:
        return ORDERS[sort]
    if caller.level(GROUPS[sort.removeprefix("-")]) != "clear":
        detail = "A list is not sorted by what its reader does not see whole."
        raise HttpProblem(403, "forbidden", detail)
    error = FieldError("/sort", "sealed", "is sealed for each member: no list has its order")
    raise HttpProblem(422, "invalid", "1 field is not valid.", errors=[error])


async def list_members(
    reader: Reader,
    listing: Listing,
    order: Order,
    page_token: str | None,
    limit: int,
    stores: Stores = None,
) -> list[Row[Any]]:
    """Members of a page, of those that the stores see.

    By member_pkey or member_joined_idx; narrowed by member_status_idx, member_home_idx or
    tier_standing_tier_idx.
    """
    query = await _narrowed(reader, members_seen(reader, stores), listing)
    member = tables.MEMBER
    if order == "member":
        start = after_id(page_token, "mem")
        if start is not None:
            query = query.where(member.c.member_id > start)
        return list(await reader.all(query.order_by(member.c.member_id).limit(limit)))
    place = (member.c.effective_from, member.c.member_id)
    cursor = after(page_token, int, str)
    if cursor is not None:
        last = (EPOCH + cursor[0] * _TICK, known_id("mem", cursor[1], "page"))
        over = tuple_(*place) > last if order == "joined" else tuple_(*place) < last
        query = query.where(over)
    by = place if order == "joined" else tuple(each.desc() for each in place)
    return list(await reader.all(query.order_by(*by).limit(limit)))


def place_of(row: Row[Any], order: Order) -> Sequence[Any]:
    """Where a row stands in an order, for the token of the page after it."""
    if order == "member":
        return [text_id("mem", row.member_id)]
    return [(row.effective_from - EPOCH) // _TICK, text_id("mem", row.member_id)]


async def _narrowed(reader: Reader, query: Select[Any], listing: Listing) -> Select[Any]:
    member, standing = tables.MEMBER, tiers.TIER_STANDING
    time_zone = zone(reader.program.time_zone)
    if listing.status is not None:
        query = query.where(member.c.status == _planned(listing.status))
    if listing.home_store is not None:
        query = query.where(member.c.home_store == parse_id("sto", listing.home_store))
    if listing.joined_from is not None:
        query = query.where(member.c.effective_from >= start_of(listing.joined_from, time_zone))
    if listing.joined_to is not None:
        query = query.where(member.c.effective_from < end_of(listing.joined_to, time_zone))
    if listing.tier is None:
        return query
    primary = await find_primary(reader)
    if primary is None:
        return query.where(false())
    return query.join(
        standing,
        (standing.c.program_id == member.c.program_id)
        & (standing.c.member_id == member.c.member_id)
        & (standing.c.ladder == primary.code)
        & (standing.c.tier == _planned(listing.tier)),
    )


def _planned(value: str) -> BindParameter[str]:
    """A value for which the plan is made: how many rows have it differs by orders of magnitude."""
    return bindparam(None, value, literal_execute=True)
