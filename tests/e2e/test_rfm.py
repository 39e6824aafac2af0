"""Two years of a real shop through signed bulk webhooks: RFM as the published exercise has it."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import Struct

from services.members.settings import JoinRoute, JoinSettings
from shared.days import render
from shared.db import programs
from shared.db.transaction import transaction
from shared.ids import derive
from shuke.demo import programme
from shuke.demo.programme import READ, Operator
from tests.builders import online_retail
from tests.builders.online_retail import FEES, SHIPPING, Invoice, Sold
from tests.e2e.stack import Stack, box, database

SECONDS = 300.0
BULK_BYTES = 300_000
TRIES = 3
"""A whole year is scored in one request, which a machine with other work answers with 503 first."""


class Shop(Struct, frozen=True):
    """The gift shop, a program of its own on a box that others use too."""

    stack: Stack
    program: str
    store: str
    connection: str
    secret: str
    key: str


@pytest.fixture(scope="module")
def stack(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One box for both years."""
    with database(server, template) as url, box(tmp_path_factory.mktemp("rfm"), url) as running:
        yield running


async def opened(stack: Stack) -> Shop:
    """A shop in London, in pounds, where the first order makes a member."""
    async with stack.operator() as operator:
        about = {"name": "Gifts", "time_zone": "UTC", "currency": "GBP",
                 "default_region": "GB", "locale": "en"}  # fmt: skip
        program = await made(operator, "programs", None, about)
        text = program["program_id"]
        store = await made(operator, "stores", text, {"kind": "generic", "name": "Gifts"})
        connected = {"store_id": store["store_id"]}
        connection = await made(operator, "connections", text, connected)
        wanted = {"name": "reader", "permissions": READ, "expires_days": 1}
        key = await made(operator, "api-keys", text, wanted)
        joining = JoinSettings(routes=(JoinRoute(route="auto-first-order"),))
        await programme.publish(operator, text, "/members/v1/settings/join", joining)
    secret = connection["secrets"][0]["secret"]
    return Shop(stack, text, store["store_id"], connection["connection_id"], secret, key["key"])


async def made(
    operator: Operator, what: str, program: str | None, body: dict[str, Any]
) -> dict[str, Any]:
    """What an operator made at the gateway."""
    return await operator.made(f"/gateway/v1/{what}", program, body)


def order(invoice: Invoice) -> dict[str, Any]:
    """An invoice as the generic connector takes it: shipping apart, manual rows as a fee.

    Rows of a kind are one line, since RFM looks at totals alone.
    """
    at = render(invoice.at)
    kinds: dict[str, list[Sold]] = {"goods": [], "fee": [], "shipping": []}
    for row in invoice.lines:
        kind = "shipping" if row.code in SHIPPING else "fee" if row.code in FEES else "goods"
        kinds[kind].append(row)
    shipping = kinds.pop("shipping")
    return {
        "type": "order.completed",
        "order_id": invoice.number,
        "currency": "GBP",
        "customer": {"id": str(invoice.customer)},
        "placed_at": at,
        "paid_at": at,
        "completed_at": at,
        "lines": [line_of(kind, rows) for kind, rows in kinds.items() if rows],
        "shipping_minor": sum(row.pence for row in shipping),
        "total_minor": invoice.pence,
    }


def line_of(kind: str, rows: Sequence[Sold]) -> dict[str, Any]:
    """A line for all rows of a kind."""
    return {
        "line_id": kind,
        "sku": rows[0].code,
        "quantity": sum(row.quantity for row in rows),
        "list_minor": sum(row.pence for row in rows),
        "kind": kind,
    }


def bulks(invoices: Sequence[Invoice]) -> Iterator[tuple[int, bytes]]:
    """Bodies of about 300 kilobytes, with the number of their orders."""
    bodies = [json.dumps(order(invoice), separators=(",", ":")).encode() for invoice in invoices]
    written = 0

    def bulk(body: bytes) -> int:
        nonlocal written
        written += len(body)
        return written // BULK_BYTES

    for _, group in groupby(bodies, bulk):
        events = list(group)
        yield len(events), b'{"events":[' + b",".join(events) + b"]}"


async def deliver(shop: Shop, invoices: Sequence[Invoice]) -> None:
    """Send everything; every order is taken."""
    for number, (count, body) in enumerate(bulks(invoices)):
        answer = await shop.stack.deliver(
            shop.connection, shop.secret, f"bulk-{number}", body, "/bulk"
        )
        assert answer.status_code == httpx2.codes.ACCEPTED, answer.text
        assert answer.json() == {"accepted": count, "duplicates": 0, "failed": []}


async def break_ties(shop: Shop, invoices: Sequence[Invoice]) -> int:
    """Pass the shop's customer numbers, by which the exercise breaks ties; how many subjects."""
    numbers = {derive(shop.program, shop.store, each.number): each.customer for each in invoices}
    async with shop.stack.look() as look, transaction(look.databases["analytics"]) as tx:
        program = (await programs.load(tx))[shop.program]
        rows = await tx.fetch(
            "select order_id, subject_id from fact_order where program_id = $1", program.id
        )
        ties = {row["subject_id"]: numbers[row["order_id"]] for row in rows}
        await tx.execute(
            """
            insert into rfm_tie (program_id, subject_id, tie_key)
            select $1, subject_id, tie_key from unnest($2::uuid[], $3::bigint[])
                tie (subject_id, tie_key)
            """,
            program.id,
            list(ties),
            list(ties.values()),
        )
    assert len(rows) == len(invoices)
    return len(ties)


@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("name", online_retail.YEARS)
async def test_the_segments_of_a_year_are_those_of_the_exercise(
    stack: Stack, larger_data: Path, name: str
) -> None:
    year = online_retail.year(larger_data, name)
    shop = await opened(stack)
    await deliver(shop, year.invoices)
    await stack.quiet(SECONDS)
    assert await break_ties(shop, year.invoices) == len({i.customer for i in year.invoices})
    for _ in range(TRIES):
        answer = await stack.get(f"/analytics/v1/rfm?on={year.at.date()}&page_size=1", shop.key)
        if answer.status_code != httpx2.codes.SERVICE_UNAVAILABLE:
            break
    assert answer.status_code == httpx2.codes.OK, answer.text
    found = answer.json()
    assert (found["state"], found["subjects"]) == ("scored", year.expected["customers"])
    assert {each["segment"]: each["subjects"] for each in found["segments"]} == year.segments
    assert found["items"][0]["subject_id"].startswith("mem_"), "they joined by their first order"
