"""Values of members: rows as the tables hold them, commands, and what a batch knows."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.members.consent.model import Consent
from services.members.profile.model import ContactBlock
from services.members.tiers.model import TierFact, TierSegment, TierStanding
from shared.events.storefront.parts import Identity as ToldIdentity
from shared.flow import State
from shared.ids import derive, text_id
from shared.programs import Program
from shared.settings.versions import Published

Key = tuple[int, UUID]
ACTIVE: Final = "active"
ERASED: Final = "erased"
OPEN, CANCELLED, DONE = 0, 1, 2
STATES: Final = ("open", "cancelled", "done")
"""Of an erasure, by their numbers."""


class Customer(Struct, frozen=True):
    """One identity that a storefront knows. Its row is what a batch locks first."""

    program_id: int
    customer_id: UUID
    store_id: UUID | None
    first_seen: datetime | None
    last_seen: datetime | None
    erased_at: datetime | None = None
    """Up to then nothing of the person is known any more, and nothing told of then is learned."""

    @property
    def key(self) -> Key:
        """Program and customer."""
        return self.program_id, self.customer_id


class Identity(Struct, frozen=True):
    """A keyed hash of a customer's phone or e-mail."""

    program_id: int
    kind: str
    hash: str
    customer_id: UUID
    verified_at: datetime | None

    @property
    def key(self) -> tuple[int, str, str, UUID]:
        """Program, kind, hash, customer."""
        return self.program_id, self.kind, self.hash, self.customer_id


class Origin(Struct, frozen=True):
    """A hash under another key than the one which its identity is kept under.

    Whatever key a phone is hashed with, its identity and the ids of its person follow from one.
    """

    program_id: int
    hash: str
    origin: str
    """The hash that it stands for."""

    @property
    def key(self) -> tuple[int, str]:
        """Program and hash."""
        return self.program_id, self.hash


class Member(Struct, frozen=True):
    """A person who joined."""

    program_id: int
    member_id: UUID
    number: str | None
    status: str
    route: str
    effective_from: datetime
    joined_store: UUID
    person_key: str | None
    terms: str
    """`pending` until terms are accepted."""
    version: int
    """1 at joining; rises when an earlier first order moves `effective_from` back."""
    home_store: UUID | None = None
    """The branch that looks after them, as head office said."""

    @property
    def key(self) -> Key:
        """Program and member."""
        return self.program_id, self.member_id


class Membership(Struct, frozen=True):
    """One spell of being a member."""

    program_id: int
    member_id: UUID
    spell: int
    from_at: datetime
    until_at: datetime | None = None
    end_reason: str | None = None

    @property
    def key(self) -> tuple[int, UUID, int]:
        """Program, member, number of the spell."""
        return self.program_id, self.member_id, self.spell


class Link(Struct, frozen=True):
    """A customer's link to one member. `revision` rises over all links of the customer."""

    program_id: int
    customer_id: UUID
    member_id: UUID
    method: str
    qualifies_from: datetime
    earns_from: datetime
    revision: int
    ended_at: datetime | None = None

    @property
    def key(self) -> tuple[int, UUID, UUID]:
        """Program, customer, member."""
        return self.program_id, self.customer_id, self.member_id

    @property
    def customer_key(self) -> Key:
        """Program and customer."""
        return self.program_id, self.customer_id

    @property
    def member_key(self) -> Key:
        """Program and member."""
        return self.program_id, self.member_id


class OrderSeen(Struct, frozen=True):
    """What members needs of an order, linked or not, completed or only cancelled yet."""

    program_id: int
    order_id: UUID
    customer_id: UUID | None
    store_id: UUID
    completed_at: datetime | None
    completed_last_at: datetime | None
    cancelled_at: datetime | None
    currency: str | None
    amount_minor: int
    """Lines after discounts, without freight, tax and what was paid with points."""

    @property
    def key(self) -> Key:
        """Program and order."""
        return self.program_id, self.order_id


class RefundSeen(Struct, frozen=True):
    """What members needs of a refund."""

    program_id: int
    refund_id: UUID
    order_id: UUID | None
    customer_id: UUID | None
    at: datetime
    goods_minor: int
    """What it gives back for goods."""
    whole: bool
    """It gives back all that is left."""

    @property
    def key(self) -> Key:
        """Program and refund."""
        return self.program_id, self.refund_id


class Erasure(Struct, frozen=True):
    """A wish that a member be forgotten, and what became of it."""

    program_id: int
    erasure_id: UUID
    member_id: UUID
    requested_by: str
    requested_at: datetime
    due_at: datetime
    """Until then it can be taken back; carried out at the end of the day after."""
    state: int
    erased_at: datetime | None = None
    customers: tuple[UUID, ...] = ()
    """Whom the member was linked to: what a restored backup has to forget again."""

    @property
    def key(self) -> Key:
        """Program and erasure."""
        return self.program_id, self.erasure_id


class Touched(Struct, frozen=True):
    """A member whose tiers are derived at the end of the batch. Never saved."""

    program_id: int
    member_id: UUID
    cause_event: UUID
    """The last input that touched them."""

    @property
    def key(self) -> Key:
        """Program and member."""
        return self.program_id, self.member_id


class JoinOpen(Struct, frozen=True):
    """Command: a customer joins by the open route."""

    customer_id: UUID
    store_id: UUID
    identities: tuple[ToldIdentity, ...] = ()
    """What they have proven, by keyed hash."""
    terms: str | None = None
    """Version of the terms that they accepted."""


class Rehashed(Struct, frozen=True):
    """What a customer is known by, and its hash under a newer key."""

    customer_id: UUID
    kind: str
    origin: str
    hash: str


class Rehash(Struct, frozen=True):
    """Command: identities are known under a newer key, too."""

    found: tuple[Rehashed, ...]


class LinkCustomer(Struct, frozen=True):
    """Command: a customer belongs to a member from now on, or as of given instants."""

    customer_id: UUID
    member_id: UUID
    reason: str
    qualifies_from: datetime | None = None
    earns_from: datetime | None = None


class UnlinkCustomer(Struct, frozen=True):
    """Command: a customer belongs to no member any more."""

    customer_id: UUID
    reason: str


class SetHomeBranch(Struct, frozen=True):
    """Command: a branch looks after a member from now on; None: no branch does."""

    member_id: UUID
    store_id: UUID | None
    reason: str


class RequestErasure(Struct, frozen=True):
    """Command: a member is to be forgotten, unless that is taken back in time."""

    member_id: UUID
    requested_by: str
    reason: str


class CancelErasure(Struct, frozen=True):
    """Command: a member is not to be forgotten after all."""

    member_id: UUID
    erasure_id: UUID


class Forgetting(Struct, frozen=True):
    """What is due: an erasure, its member and their customers."""

    member_id: UUID
    customers: tuple[UUID, ...]


class MembersState(State):
    """What a batch knows of members."""

    def __init__(
        self, programs: Mapping[str, Program], published: Published, whole: frozenset[Key]
    ) -> None:
        super().__init__(programs)
        self.published = published
        self.whole = whole
        """Members whose facts and segments are all here; the others only go on at their end."""
        self.customers = self.table(Customer)
        self.identities = self.table(
            Identity, customer=lambda row: (row.program_id, row.customer_id)
        )
        self.origins = self.table(Origin)
        self.stands_for: Mapping[tuple[int, str], str] = {}
        """By program and hash, what it stands for where that is another."""
        self.members = self.table(Member)
        self.memberships = self.table(Membership)
        self.links = self.table(Link, customer=lambda row: row.customer_key)
        self.orders = self.table(OrderSeen, customer=lambda row: (row.program_id, row.customer_id))
        self.refunds = self.table(RefundSeen, order=lambda row: (row.program_id, row.order_id))
        self.facts = self.table(
            TierFact,
            member=lambda row: (row.program_id, row.member_id),
            order=lambda row: (row.program_id, row.order_id),
        )
        self.standings = self.table(TierStanding)
        self.segments = self.table(
            TierSegment, ladder=lambda row: (row.program_id, row.member_id, row.ladder)
        )
        self.erasures = self.table(Erasure, member=lambda row: (row.program_id, row.member_id))
        self.consents = self.table(Consent, member=lambda row: (row.program_id, row.member_id))
        self.blocks = self.table(ContactBlock)
        self.touched = self.table(Touched)


def version_of(hashed: str) -> int:
    """Number of the key that a hash was made with.

    >>> version_of("v12.abc")
    12
    """
    return int(hashed[1 : hashed.index(".")])


def outlives_first(hashes: Iterable[str]) -> bool:
    """Whether a hash is under a newer key than the first: only such ones stand for others."""
    return any(not each.startswith("v1.") for each in hashes)


def alike(told: Iterable[ToldIdentity]) -> list[tuple[str, ...]]:
    """Hashes of the same phone or e-mail under different keys together.

    Two of one kind under one key are two phones: then each stands by itself.
    """
    kinds: dict[str, list[str]] = {}
    for each in told:
        kinds.setdefault(each.kind, []).append(each.hash)
    found: list[tuple[str, ...]] = []
    for hashes in kinds.values():
        one = len({version_of(each) for each in hashes}) == len(hashes)
        found += [tuple(hashes)] if one else [(each,) for each in hashes]
    return found


def origins_of(
    told: Iterable[tuple[int, tuple[str, ...]]], known: Mapping[tuple[int, str], str]
) -> dict[tuple[int, str], str]:
    """By program and hash, what each of the hashes that are alike stands for.

    That is what one of them is known to stand for already, of several the one under the oldest
    key; of those that are new the one under the oldest key.
    """
    found = dict(known)
    for program, hashes in sorted(told, key=lambda each: -len(each[1])):
        keys = [(program, each) for each in hashes]
        origins = {found[key] for key in keys if key in found} or set(hashes)
        origin = min(origins, key=version_of)
        for key in keys:
            found.setdefault(key, origin)
    return found


def person_key(known: Iterable[Identity]) -> str | None:
    """Hash of the verified phone, else of the verified e-mail, that the shop vouches for."""
    verified = {each.kind: each.hash for each in known if each.verified_at is not None}
    return verified.get("phone", verified.get("email"))


def member_id(program: Program, customer_id: UUID, person: str | None, ordinal: int = 0) -> UUID:
    """The id that a customer's member has; the next ordinal's where that was erased."""
    if person is not None:
        return derive("member", program.text_id, "person", person, str(ordinal))
    customer = text_id("cus", customer_id)
    return derive("member", program.text_id, "customer", customer, str(ordinal))
