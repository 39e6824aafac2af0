"""Write SQL of members: what a batch reads under locks, what it writes. One statement a function.

Lock waves, each sorted by key: customers, verified identities (by advisory locks: who shares one is
one person), members. Orders, refunds and facts are read after their owners are locked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from services.members import identity_rows, tables
from services.members.consent.model import Consent, RecordConsents
from services.members.consent.tables import CONSENT
from services.members.model import (
    DONE,
    ERASED,
    CancelErasure,
    Customer,
    Erasure,
    Forgetting,
    Identity,
    JoinOpen,
    Key,
    Link,
    LinkCustomer,
    Member,
    Membership,
    MembersState,
    OrderSeen,
    Origin,
    RefundSeen,
    Rehash,
    RequestErasure,
    SetHomeBranch,
    UnlinkCustomer,
    alike,
    member_id,
    origins_of,
    outlives_first,
    person_key,
)
from services.members.profile import store as profiles
from services.members.settings import JOIN
from services.members.tiers import store as tiers
from services.members.tiers.model import TierStanding
from services.members.tiers.settings import FAMILY, LADDER
from shared.db import bulk
from shared.db.bulk import lock_all
from shared.db.transaction import Tx
from shared.events.envelope import Event
from shared.events.storefront.customer_updated import CustomerUpdated
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.parts import Identity as ToldIdentity
from shared.events.storefront.refund import Refund
from shared.flow import Command, Due, Input
from shared.ids import uuid_of
from shared.programs import Program
from shared.settings import store as settings
from shared.settings.versions import Published

Person = tuple[Key, str | None]
"""A customer, and the hash that they may be known by; None: by themselves alone."""
RESETTLE_JOIN: Final = "resettle:join:"
ERASE: Final = "erase"
"""The sweep that carries erasures out."""


class Needs(Struct):
    """What the inputs of a batch are about."""

    programs: dict[int, Program]
    customers: set[Key]
    members: set[Key]
    """Members that are named: something of their past changes."""
    orders: set[Key]
    histories: set[Key]
    """Customers whose orders are all needed."""
    times: dict[Key, datetime]
    """By customer, the earliest instant that something happened at."""
    verified: dict[Key, list[Identity]]
    """By customer, what the batch's events vouch for."""
    told: dict[tuple[int, tuple[str, ...]], str]
    """By program and hashes of one phone or e-mail, its kind."""
    completions: set[Key]
    """Orders that are told to be completed."""
    anew: set[Key]
    """Customers something of whose past changes."""
    erasures: set[Key] = field(default_factory=set)
    """Members whose erasures are needed."""
    consents: set[Key] = field(default_factory=set)
    """Members whose consents are needed."""

    @property
    def hashes(self) -> set[tuple[int, str, str]]:
        """Program, kind and hash of what was told."""
        return {
            (program, kind, each) for (program, told), kind in self.told.items() for each in told
        }


async def load_batch(
    tx: Tx, inputs: Sequence[Input], programs: Mapping[str, Program]
) -> MembersState:
    """Everything that the inputs may touch, locked in waves, in a fixed number of statements."""
    needs = needs_of(inputs, programs)
    customers = await lock_customers(tx, needs.customers)
    links = await _READ_LINK.run(tx, needs.customers)
    identities = await _READ_IDENTITY.run(tx, needs.customers)
    origins = await _settle_origins(tx, needs, identities)
    linked = {link.member_key for link in links}
    persons = _persons(needs, identities, links)
    candidates = _ids(needs, persons, 0)
    members = await _LOCK_MEMBER.run(tx, needs.members | linked | candidates.keys())
    later = await _successors(tx, needs, candidates, members)
    members += later
    known = {member.key for member in members}
    standings = await tiers.load_standings(tx, known)
    orders = await load_orders(tx, needs.orders, needs.histories | _reaching_back(needs, links))
    published = await settings.load(tx, [JOIN, LADDER], needs.programs)
    whole = known & needs.members.union(candidates, (member.key for member in later))
    whole |= _changed(needs, links, standings, orders) | _unranked(known, standings, published)
    state = MembersState(programs, published, frozenset(whole))
    state.customers.read(customers)
    state.links.read(links)
    state.identities.read(identities)
    state.origins.read(Origin(*key, origin) for key, origin in origins.stored.items())
    state.stands_for = origins.all
    state.members.read(members)
    state.standings.read(standings)
    state.orders.read(orders)
    order_keys = needs.orders | set(state.orders)
    state.refunds.read(await load_refunds(tx, order_keys, _refunds(inputs, programs)))
    state.facts.read(await tiers.load_facts(tx, whole, order_keys))
    state.segments.read(await tiers.load_segments(tx, whole))
    state.erasures.read(await _READ_ERASURE.run(tx, needs.erasures))
    state.consents.read(await _READ_CONSENT.run(tx, needs.consents))
    return state


async def save_batch(tx: Tx, state: MembersState) -> None:
    """Write what changed, one statement per table."""
    await _CUSTOMERS.run(tx, state.customers.changed)
    await _IDENTITIES.run(tx, state.identities.changed)
    await _ORIGINS.run(tx, state.origins.made)
    await _MEMBERS.run(tx, state.members)
    await _MEMBERSHIPS.run(tx, state.memberships.changed)
    await _LINKS.run(tx, state.links)
    await _ORDERS.run(tx, state.orders)
    await _REFUNDS.run(tx, state.refunds)
    await tiers.save_facts(tx, state.facts)
    await tiers.save_standings(tx, state.standings)
    await tiers.save_segments(tx, state.segments)
    await profiles.add_blocks(tx, state.blocks.changed)
    await _CONSENTS.run(tx, state.consents.changed)
    await _save_erasures(tx, state)


async def _save_erasures(tx: Tx, state: MembersState) -> None:
    """Write erasures; of those carried out now, destroy keys, profiles and identities."""
    changed = state.erasures.changed
    await _ERASURES.run(tx, changed)
    customers = [
        (row.program_id, customer)
        for row in changed
        if row.state == DONE
        for customer in row.customers
    ]
    members = [(row.program_id, row.member_id) for row in changed if row.state == DONE]
    if members:
        await profiles.forget(tx, [*customers, *members])
    if customers:
        await identity_rows.forget_identities(tx, customers)


def needs_of(inputs: Sequence[Input], programs: Mapping[str, Program]) -> Needs:
    """What to load for a batch."""
    needs = Needs({}, set(), set(), set(), set(), {}, {}, {}, set(), set())
    for item in inputs:
        program = programs[item.program]
        needs.programs[program.id] = program
        match item:
            case Event():
                _event_needs(needs, program.id, item)
            case Command():
                _command_needs(needs, program.id, item)
            case Due():
                _due_needs(needs, program.id, item)
    return needs


def _event_needs(needs: Needs, program_id: int, event: Event) -> None:
    data = event.data
    if not isinstance(data, OrderCompleted | OrderCancelled | Refund | CustomerUpdated):
        return
    if not isinstance(data, CustomerUpdated) and data.order_id:
        needs.orders.add((program_id, uuid_of(data.order_id)))
    if isinstance(data, OrderCompleted):
        needs.completions.add((program_id, uuid_of(data.order_id)))
    if not data.customer_id:
        return
    key = (program_id, uuid_of(data.customer_id))
    needs.customers.add(key)
    time = event.time
    if isinstance(data, CustomerUpdated) and data.join is not None:
        time = min(time, data.join.at)
        needs.histories.add(key)
    needs.times[key] = min(time, needs.times.get(key, time))
    _told_needs(needs, key, data.identities, event.time)
    if isinstance(data, OrderCancelled):
        needs.anew.add(key)


def _command_needs(needs: Needs, program_id: int, command: Command) -> None:
    data = command.data
    if isinstance(data, RequestErasure | CancelErasure):
        key = (program_id, data.member_id)
        needs.members.add(key)
        needs.erasures.add(key)
        return
    if isinstance(data, SetHomeBranch):
        needs.members.add((program_id, data.member_id))
        return
    if isinstance(data, RecordConsents):
        key = (program_id, data.member_id)
        needs.members.add(key)
        needs.consents.add(key)
        return
    if isinstance(data, Rehash):
        needs.customers |= {(program_id, each.customer_id) for each in data.found}
        needs.told |= {(program_id, (each.hash,)): each.kind for each in data.found}
        return
    assert isinstance(data, JoinOpen | LinkCustomer | UnlinkCustomer)
    _past_needs(needs, (program_id, data.customer_id))
    if isinstance(data, LinkCustomer):
        needs.members.add((program_id, data.member_id))
    if isinstance(data, JoinOpen):
        _told_needs(needs, (program_id, data.customer_id), data.identities, command.time)


def _told_needs(needs: Needs, customer: Key, told: Sequence[ToldIdentity], at: datetime) -> None:
    """What identifies a customer, as it was told at an instant."""
    program_id, customer_id = customer
    needs.verified.setdefault(customer, []).extend(
        Identity(program_id, each.kind, each.hash, customer_id, at)
        for each in told
        if each.verified
    )
    kinds = {each.hash: each.kind for each in told}
    needs.told |= {(program_id, hashes): kinds[hashes[0]] for hashes in alike(told)}


async def _settle_origins(tx: Tx, needs: Needs, known: Sequence[Identity]) -> "_Origins":
    """What the told hashes stand for, locked; what is vouched for is named by that from here on.

    No statement of its own where all of them are under the first key. Read again under the locks:
    what another batch settled meanwhile holds.
    """
    newer = any(outlives_first(hashes) for _, hashes in needs.told)
    origins = await _load_origins(tx, needs) if newer else _Origins({}, {})
    locked = _vouched(needs, known) | (needs.hashes if newer else set())
    await lock_identities(
        tx, locked | {(program, kind, origins.of(program, each)) for program, kind, each in locked}
    )
    if newer:
        origins = await _load_origins(tx, needs)
        for key, told in needs.verified.items():
            needs.verified[key] = [
                replace(each, hash=origins.of(each.program_id, each.hash)) for each in told
            ]
    return origins


async def _load_origins(tx: Tx, needs: Needs) -> "_Origins":
    known = await identity_rows.load_origins(tx, needs.hashes)
    stored = {key: origin for key, origin in known.items() if key[1] != origin}
    return _Origins(origins_of(needs.told, known), stored)


class _Origins(Struct, frozen=True):
    """What hashes stand for."""

    all: dict[tuple[int, str], str]
    stored: dict[tuple[int, str], str]
    """Those of another that the table has."""

    def of(self, program_id: int, hashed: str) -> str:
        """What a hash stands for: itself, unless it is known better."""
        return self.all.get((program_id, hashed), hashed)


def _due_needs(needs: Needs, program_id: int, due: Due) -> None:
    key = (program_id, due.key)
    if due.kind == ERASE:
        assert isinstance(due.data, Forgetting)
        needs.members.add((program_id, due.data.member_id))
        needs.erasures.add((program_id, due.data.member_id))
        for customer in due.data.customers:
            _past_needs(needs, (program_id, customer))
    elif due.kind.startswith(RESETTLE_JOIN):
        _past_needs(needs, key)
    else:
        needs.members.add(key)


def _past_needs(needs: Needs, customer: Key) -> None:
    """Something of a customer's past changes: all their orders are needed."""
    needs.customers.add(customer)
    needs.histories.add(customer)
    needs.anew.add(customer)


def _vouched(needs: Needs, known: Iterable[Identity]) -> set[tuple[int, str, str]]:
    told = [identity for each in needs.verified.values() for identity in each]
    return {
        (each.program_id, each.kind, each.hash)
        for each in [*told, *known]
        if each.verified_at is not None
    }


def _persons(needs: Needs, known: Iterable[Identity], links: Iterable[Link]) -> set[Person]:
    """Customers without an open link, each with the persons that they may be known as."""
    by_customer: dict[Key, list[Identity]] = {}
    for identity in known:
        by_customer.setdefault((identity.program_id, identity.customer_id), []).append(identity)
    linked = {link.customer_key for link in links if link.ended_at is None}
    found: set[Person] = set()
    for key in needs.customers - linked:
        identities = by_customer.get(key, []) + needs.verified.get(key, [])
        found |= {(key, person_key([each])) for each in identities} | {(key, None)}
    return found


def _ids(needs: Needs, persons: Iterable[Person], ordinal: int) -> dict[Key, Person]:
    """Members that these persons would become, or are already; by id whose it is."""
    return {
        (key[0], member_id(needs.programs[key[0]], key[1], person, ordinal)): (key, person)
        for key, person in persons
    }


async def _successors(
    tx: Tx, needs: Needs, candidates: Mapping[Key, Person], members: Iterable[Member]
) -> list[Member]:
    """Locked: who followed persons that were erased, under the next ordinals; mostly nobody."""
    found: list[Member] = []
    ordinal = 0
    while again := {
        candidates[member.key]
        for member in members
        if member.status == ERASED and member.key in candidates
    }:
        ordinal += 1
        candidates = _ids(needs, again, ordinal)
        members = await _LOCK_MEMBER.run(tx, candidates)
        found += members
    return found


def _reaching_back(needs: Needs, links: Iterable[Link]) -> set[Key]:
    """Customers whose joining, or an earlier one, may claim orders that came before it."""
    settled = {
        link.customer_key
        for link in links
        if needs.times.get(link.customer_key, link.qualifies_from) >= link.qualifies_from
    }
    return needs.customers - settled


def _changed(
    needs: Needs,
    links: Iterable[Link],
    standings: Iterable[TierStanding],
    orders: Iterable[OrderSeen],
) -> set[Key]:
    """Linked members something of whose past changes: all their facts are read.

    The others only go on: what happened to them came after everything that is known of them.
    """
    last: dict[Key, datetime] = {}
    for standing in standings:
        key = (standing.program_id, standing.member_id)
        last[key] = max(standing.last_at, last.get(key, standing.last_at))
    again = needs.anew | {
        (order.program_id, order.customer_id) for order in orders if order.key in needs.completions
    }
    changed = set()
    for link in links:
        time = needs.times.get(link.customer_key)
        told = time is not None and time <= last.get(link.member_key, time)
        if told or link.customer_key in again:
            changed.add(link.member_key)
    return changed


def _unranked(
    members: Collection[Key], standings: Iterable[TierStanding], published: Published
) -> set[Key]:
    """Members who do not stand on every ladder yet."""
    ladders = {program: [*published.family(program, FAMILY)] for program, _ in members}
    standing = {each.key for each in standings}
    return {key for key in members if any((*key, name) not in standing for name in ladders[key[0]])}


def _refunds(inputs: Sequence[Input], programs: Mapping[str, Program]) -> set[Key]:
    return {
        (programs[item.program].id, uuid_of(item.data.refund_id))
        for item in inputs
        if isinstance(item, Event) and isinstance(item.data, Refund)
    }


async def lock_customers(tx: Tx, keys: Collection[Key]) -> list[Customer]:
    """First wave: lock all by primary key, sorted; missing ones are made first."""
    return await lock_all(tx, _LOCK_CUSTOMER, _PLACE_CUSTOMER, keys)


async def lock_identities(tx: Tx, keys: Iterable[tuple[int, str, str]]) -> None:
    """Second wave: nobody else joins the same person meanwhile."""
    locks = sorted(
        int.from_bytes(blake2b(f"{p}/{kind}/{hash_}".encode(), digest_size=8).digest(), "big")
        - 2**63
        for p, kind, hash_ in set(keys)
    )
    if locks:
        await tx.fetch("select pg_advisory_xact_lock(k) from unnest($1::bigint[]) k", locks)


async def load_orders(tx: Tx, orders: Iterable[Key], customers: Iterable[Key]) -> list[OrderSeen]:
    """Orders named, and all orders of some customers; by key and order_seen_customer_idx."""
    return [*await _READ_ORDER.run(tx, orders), *await _READ_BOUGHT.run(tx, customers)]


async def load_refunds(tx: Tx, orders: Iterable[Key], refunds: Iterable[Key]) -> list[RefundSeen]:
    """Refunds of orders, and refunds named; by refund_seen_order_idx and key."""
    return [*await _READ_GIVEN_BACK.run(tx, orders), *await _READ_REFUND.run(tx, refunds)]


async def list_unjoined_customers(
    tx: Tx, program_id: int, since: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Customers without a link who completed an order at or after an instant."""
    rows = await tx.fetch(
        """
        select distinct o.customer_id from order_seen o
        where o.program_id = $1 and o.completed_at >= $2 and o.customer_id is not null
          and ($3::uuid is null or o.customer_id > $3)
          and not exists (select 1 from link l
            where l.program_id = o.program_id and l.customer_id = o.customer_id)
        order by o.customer_id limit $4
        """,
        program_id,
        since,
        after,
        limit,
    )
    return [row["customer_id"] for row in rows]


async def list_due_erasures(
    tx: Tx, program_id: int, until: datetime, after: UUID | None, limit: int
) -> list[tuple[UUID, Forgetting]]:
    """Erasures whose time to take them back was over, by erasure_due_idx; members are locked.

    With the customers that are linked to them: nobody links another until the commit.
    """
    rows = await tx.fetch(
        """
        select e.erasure_id, e.member_id from erasure e
        join member m on m.program_id = e.program_id and m.member_id = e.member_id
        where e.program_id = $1 and e.state = 0 and e.due_at <= $2
          and ($3::uuid is null or e.erasure_id > $3)
        order by e.erasure_id limit $4 for update of m
        """,
        program_id,
        until,
        after,
        limit,
    )
    links = await tx.fetch(
        """
        select member_id, customer_id from link
        where program_id = $1 and member_id = any($2::uuid[]) and ended_at is null
        order by customer_id
        """,
        program_id,
        [row["member_id"] for row in rows],
    )
    return [
        (
            row["erasure_id"],
            Forgetting(
                row["member_id"],
                tuple(k["customer_id"] for k in links if k["member_id"] == row["member_id"]),
            ),
        )
        for row in rows
    ]


async def list_judged_members(
    tx: Tx, program_id: int, since: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Members who joined or completed an order at or after an instant."""
    rows = await tx.fetch(
        """
        select m.member_id from member m
        where m.program_id = $1 and ($3::uuid is null or m.member_id > $3)
          and (m.effective_from >= $2 or exists (select 1 from tier_fact f
            where f.program_id = m.program_id and f.member_id = m.member_id and f.at >= $2))
        order by m.member_id limit $4
        """,
        program_id,
        since,
        after,
        limit,
    )
    return [row["member_id"] for row in rows]


def _joined(customers: Iterable[UUID]) -> str:
    return " ".join(map(str, customers))


def _parted(text: str) -> tuple[UUID, ...]:
    return tuple(map(UUID, text.split()))


_CUSTOMER: Final = bulk.stored(tables.CUSTOMER, Customer)
_IDENTITY: Final = bulk.stored(tables.IDENTITY, Identity)
_MEMBER: Final = bulk.stored(tables.MEMBER, Member)
_LINK: Final = bulk.stored(tables.LINK, Link)
_ORDER: Final = bulk.stored(tables.ORDER_SEEN, OrderSeen)
_REFUND: Final = bulk.stored(tables.REFUND_SEEN, RefundSeen)
_ERASURE: Final = bulk.stored(tables.ERASURE, Erasure, customers=(_joined, _parted))

_CONSENT: Final = bulk.stored(CONSENT, Consent)

_PLACE_CUSTOMER: Final = bulk.place(tables.CUSTOMER)
_LOCK_CUSTOMER: Final = _CUSTOMER.locked("customer_id")
_LOCK_MEMBER: Final = _MEMBER.locked("member_id")
_READ_LINK: Final = _LINK.by("customer_id")
_READ_IDENTITY: Final = _IDENTITY.by("customer_id")
_READ_ERASURE: Final = _ERASURE.by("member_id")
_READ_CONSENT: Final = _CONSENT.by("member_id")
_READ_ORDER: Final = _ORDER.by("order_id")
_READ_BOUGHT: Final = _ORDER.by("customer_id")
_READ_REFUND: Final = _REFUND.by("refund_id")
_READ_GIVEN_BACK: Final = _REFUND.by("order_id")

_CUSTOMERS: Final = _CUSTOMER.upsert()
_IDENTITIES: Final = _IDENTITY.upsert()
_ORIGINS: Final = bulk.stored(tables.IDENTITY_ORIGIN, Origin).offer()
_MEMBERS: Final = _MEMBER.save()
_MEMBERSHIPS: Final = bulk.stored(tables.MEMBERSHIP, Membership).upsert()
_LINKS: Final = _LINK.save()
_ORDERS: Final = _ORDER.save()
_REFUNDS: Final = _REFUND.save()
_ERASURES: Final = _ERASURE.upsert()
_CONSENTS: Final = _CONSENT.offer()
