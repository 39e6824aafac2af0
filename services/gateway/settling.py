"""The effect of what was heard, in one transaction: events, what waits, what completes, its record.

For what the gateway heard by asking a platform, or by reading a kept delivery again. (What a shop
delivers goes to the log at once, without a transaction: `intake`.)
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from services.gateway.connectors import can_fetch, forms
from services.gateway.connectors.port import Fetch, Heard
from services.gateway.deliveries.store import put_deliveries
from services.gateway.fetching.wanting import want
from services.gateway.model import (
    TEST,
    UNKNOWN_ORDER,
    Answer,
    Delivery,
    Ready,
    completes_later,
    part_id,
    whole_id,
)
from services.gateway.orders import asking
from services.gateway.orders import store as orders
from services.gateway.orders.model import Key, KnownOrder
from services.gateway.rules.normalising import Shop
from services.gateway.rules.reading import events_of, ready, told
from shared.db import inbox, outbox
from shared.db.transaction import Tx
from shared.ids import uuid_of

_NOTHING: Final = Answer("ignored", reason="nothing new")
_OLD: Final = {"duplicate", "ignored"}


async def settle(
    tx: Tx,
    shop: Shop,
    heard: Heard,
    first: Delivery,
    *,
    again: bool = False,
    quiet: bool = False,
) -> list[Answer]:
    """Let what was heard take effect; an answer for each of its parts, recorded.

    `first`: the record of its first part; the others get records of their own. `again`: somebody
    asks for it, so even what is known is fetched. `quiet`: nothing new leaves no record.
    """
    if shop.connection.mode == "test":
        answers = [Answer("ignored", reason=TEST, type=heard.topic or None)]
    else:
        said = events_of(shop, heard)
        answers = await settle_events(tx, shop, said, first, again=again)
        if heard.pending is not None and said and isinstance(said[0], Ready):
            due_at, told_at = heard.pending.due_at, heard.pending.told_at
            row = asking.pending(said[0].event, due_at, told_at, _place(first, len(answers)))
            await orders.lock_orders(tx, [row.key])
            if await orders.put_pending(tx, row):
                answers.append(completes_later(due_at))
        for fetch in _fetches(heard, answers, shop):
            delivery = part_id(first.delivery_id, len(answers))
            answers.append(await want(tx, shop.connection, fetch, delivery, shop.now, again=again))
    answers = answers or [_NOTHING]
    if not quiet or any(answer.status not in _OLD for answer in answers):
        await record(tx, first, answers)
    return answers


async def settle_events(
    tx: Tx, shop: Shop, said: Sequence[Ready | Answer], first: Delivery, *, again: bool = False
) -> list[Answer]:
    """Send what is new and let wait what has to; an answer for each, same order. Records nothing.

    What took effect already, by the gateway's own inbox, is a duplicate. `again`: what waits
    already under the same delivery goes on waiting.
    """
    program_id = shop.connection.program_id
    asked = {
        number: (program_id, uuid_of(order))
        for number, each in enumerate(said)
        if isinstance(each, Ready) and (order := asking.asks_for(each.event)) is not None
    }
    known = await orders.find_orders(tx, asked.values()) if asked else {}
    named = [
        await _named(tx, shop, each, (asked.get(number), known), _place(first, number), again=again)
        for number, each in enumerate(said)
    ]
    told = await inbox.known(tx, [each.encoded.id for each in named if isinstance(each, Ready)])
    await outbox.append(
        tx,
        [each.encoded for each in named if isinstance(each, Ready) and each.encoded.id not in told],
    )
    return [
        each if isinstance(each, Answer) else each.sent(told.get(each.encoded.id)) for each in named
    ]


async def record(tx: Tx, first: Delivery, answers: Sequence[Answer]) -> None:
    """Note what became of the parts of a delivery, from `first` on."""
    rows = [
        replace(
            first,
            delivery_id=part_id(first.delivery_id, number),
            part=first.part + number,
            source_id=first.source_id + (f"#{first.part + number}" if number else ""),
            type=answer.type,
            status=answer.status,
            reason=answer.why,
            event_id=answer.event_id,
            digest=answer.digest,
        )
        for number, answer in enumerate(answers)
    ]
    await put_deliveries(tx, rows)


def whole(row: Delivery) -> Delivery:
    """The record of the first part of the delivery that a part belongs to."""
    return replace(row, delivery_id=whole_id(row.delivery_id, row.part), part=0)


async def _named(
    tx: Tx,
    shop: Shop,
    each: Ready | Answer,
    order: tuple[Key | None, Mapping[Key, KnownOrder]],
    place: Key,
    *,
    again: bool,
) -> Ready | Answer:
    """The event under its buyer's key, or what became of it already."""
    key, known = order
    if isinstance(each, Answer) or key is None:
        return each
    if key in known:
        return ready(asking.owned(each.event, known[key]))
    row = asking.waiting(key, each.encoded, place, shop.now)
    if await orders.add_waiting(tx, row) or again:
        return each.answer("waiting", UNKNOWN_ORDER)
    return each.answer("duplicate")


def _fetches(heard: Heard, answers: Sequence[Answer], shop: Shop) -> Iterator[Fetch]:
    """What is to be fetched: what was pointed to, and orders that are missed and not told here."""
    events, fetches = told(shop, heard)
    yield from fetches
    if can_fetch(shop.connection):
        here = {
            each.order_id
            for each in events
            if isinstance(each, forms.OrderPaid | forms.OrderCompleted)
        }
        for said, answer in zip(events, answers, strict=False):
            number = getattr(said, "order_id", None)
            if answer.reason == UNKNOWN_ORDER and number and number not in here:
                yield Fetch("order", number)


def _place(first: Delivery, number: int) -> Key:
    return first.program_id, part_id(first.delivery_id, number)
