"""Customers as they are seen, and what identifies them.

A customer was first and last seen at the least and greatest `time` of its orders, refunds and
updates. Of two vouchings for one phone or e-mail the earliest counts.

| told | known | then |
|---|---|---|
| hash v2 and v1 of a phone | nothing | v1 is kept, and that v2 stands for it |
| v2 and v1, or v2 alone | that v2 stands for v1 | v1 is kept |
| v2 alone | nothing | v2 is kept |
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from services.members.model import Customer, Identity, Origin, Rehash
from services.members.profile.model import ContactBlock
from services.members.rules.draft import Draft
from shared.events.envelope import Event
from shared.events.storefront.parts import Identity as ToldIdentity


def see(draft: Draft, customer_id: UUID, store_id: UUID, at: datetime) -> Customer:
    """The customer, seen at an instant."""
    key = (draft.program.id, customer_id)
    known = draft.state.customers.get(key, Customer(*key, None, None, None))
    seen = replace(
        known,
        store_id=known.store_id or store_id,
        first_seen=min(at, known.first_seen or at),
        last_seen=max(at, known.last_seen or at),
    )
    if seen != known:
        draft.put(seen)
    return seen


def keep_box(draft: Draft, customer: Customer, event: Event) -> None:
    """Keep what a shop told of the person, sealed; not of one who was forgotten since."""
    forgotten = customer.erased_at is not None and event.time <= customer.erased_at
    if event.sealedcontact is not None and not forgotten:
        draft.put(ContactBlock(*customer.key, event.id, event.time, event.sealedcontact))


def learn(draft: Draft, customer: Customer, told: Iterable[ToldIdentity], at: datetime) -> None:
    """Keep what identifies a customer, unless they were forgotten since."""
    if customer.erased_at is not None and at <= customer.erased_at:
        return
    for each in told:
        named = (customer.program_id, each.hash)
        origin = draft.state.stands_for.get(named, each.hash)
        if origin != each.hash and named not in draft.state.origins:
            draft.put(Origin(*named, origin))
        key = (customer.program_id, each.kind, origin, customer.customer_id)
        known = draft.state.identities.get(key)
        vouched = at if each.verified else None
        if known is not None and known.verified_at is not None:
            vouched = min(known.verified_at, vouched or known.verified_at)
        row = Identity(*key, vouched)
        if row != known:
            draft.put(row)


def identities(draft: Draft, customer: Customer) -> list[Identity]:
    """What identifies a customer, this decision's news among it."""
    known = {row.key: row for row in draft.state.identities.of("customer", customer.key)}
    known |= {row.key: row for row in draft.written(Identity)}
    return [row for row in known.values() if row.customer_id == customer.customer_id]


def rehash(draft: Draft, wanted: Rehash) -> None:
    """Note the hashes under a newer key, of what is still known."""
    for each in wanted.found:
        named = (draft.program.id, each.hash)
        key = (draft.program.id, each.kind, each.origin, each.customer_id)
        if key in draft.state.identities and named not in draft.state.origins:
            draft.put(Origin(*named, each.origin))
