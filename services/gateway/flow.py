"""The one path of the gateway: what it remembers of orders, and what it hands on."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from services.gateway.orders import decide as orders
from services.gateway.orders.model import OrdersState
from services.gateway.orders.store import STATEMENTS as OF_ORDERS
from services.gateway.orders.store import read_orders, save_orders
from services.gateway.outbound import decide as outbound
from services.gateway.outbound.model import OutboundState
from services.gateway.outbound.store import STATEMENTS as OF_MESSAGES
from services.gateway.outbound.store import read_subscribers, save_messages
from services.gateway.outbound.sweeps import KIND
from shared.db.transaction import Tx
from shared.events.envelope import Event
from shared.flow import Decision, Due, Flow, Input
from shared.outcome import APPLIED
from shared.programs import Program

STATEMENTS: Final = OF_ORDERS + OF_MESSAGES
"""Of `load_batch` and `save_batch`, at most, whatever the batch's size."""


class GatewayState(OrdersState, OutboundState):
    """What a batch knows of orders and of endpoints."""


async def load_batch(
    tx: Tx, inputs: Sequence[Input], programs: Mapping[str, Program]
) -> GatewayState:
    """Orders that the inputs are about, locked, and who asks for events."""
    state = GatewayState(programs)
    await read_orders(tx, state, inputs)
    await read_subscribers(tx, state, inputs)
    return state


def decide(state: GatewayState, item: Input) -> Decision:
    """What an input does to what is remembered, and which messages it makes."""
    if isinstance(item, Due) and item.kind == KIND:
        return Decision(APPLIED, [outbound.forget(state, item)])
    decision = orders.decide(state, item)
    messages = outbound.forward(state, item) if isinstance(item, Event) else ()
    if not messages:
        return decision
    return replace(decision, outcome=APPLIED, rows=[*decision.rows, *messages])


async def save_batch(tx: Tx, state: GatewayState) -> None:
    """Write what changed."""
    await save_orders(tx, state)
    await save_messages(tx, state)


FLOW: Final = Flow(load_batch, decide, save_batch)
