"""The effect of inputs inside a transaction: load, fold, save, outbox.

The same path for events, commands and sweeps; there is no second one to a rule. Nothing here
commits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from shared.clock import monotonic
from shared.db import outbox
from shared.db.locks import keep_rules
from shared.db.transaction import Tx, savepoint
from shared.errors import Shortage
from shared.events import codec
from shared.flow import Flow, Fold, Input, State
from shared.programs import Program

TURN_SECONDS: Final = 0.005
"""How long a fold may keep the event loop from its other tasks."""
REFOLDS: Final = 3
"""How often inputs are decided again when a counter had less than they took."""

Admit = Callable[[Tx, Sequence[Input]], Awaitable[Sequence[Input]]]
"""Claims inputs in the inbox; those that no transaction applied before."""


async def effect(
    tx: Tx,
    service: str,
    flow: Flow,
    inputs: Sequence[Input],
    programs: Mapping[str, Program],
    admit: Admit | None = None,
) -> Fold:
    """Load, fold, save, append to the outbox. Outcomes, failures and answer are in the fold.

    Raises Shortage when a counter still refuses after three more decisions.
    """
    await keep_rules(tx, {item.program for item in inputs})
    for attempt in range(REFOLDS + 1):
        try:
            if not flow.counters:
                return await _once(tx, service, flow, inputs, programs, admit)
            async with savepoint(tx):
                return await _once(tx, service, flow, inputs, programs, admit)
        except Shortage:
            if attempt == REFOLDS:
                raise
    raise AssertionError("unreachable")


async def _once(
    tx: Tx,
    service: str,
    flow: Flow,
    inputs: Sequence[Input],
    programs: Mapping[str, Program],
    admit: Admit | None,
) -> Fold:
    began = monotonic()
    state = await flow.load(tx, inputs, programs)
    loaded = monotonic()
    fold = await _admitted(tx, flow, state, inputs, admit)
    fold.conclude()
    events = [codec.encode(service, event) for event in fold.events]
    folded = monotonic()
    await flow.save(tx, state)
    await outbox.append(tx, events)
    claiming = fold.seconds.get("claim", 0.0)
    fold.seconds |= {
        "load": loaded - began,
        "fold": folded - loaded - claiming,
        "save": monotonic() - folded,
    }
    return fold


async def _admitted(
    tx: Tx, flow: Flow, state: State, inputs: Sequence[Input], admit: Admit | None
) -> Fold:
    """Fold what is new. What fails must not stay in the inbox: it is claimed again without it."""
    if admit is None:
        return await _fold(flow, state, inputs)
    try:
        async with savepoint(tx):
            began = monotonic()
            admitted = await admit(tx, inputs)
            claimed = monotonic() - began
            fold = await _fold(flow, state, admitted)
            fold.seconds["claim"] = claimed
            return _sound(fold)
    except _SomeFailed as some:
        failed = {failure.input.id for failure in some.fold.failures}
        await admit(tx, [item for item in inputs if item.id not in failed])
        return some.fold


class _SomeFailed(Exception):
    def __init__(self, fold: Fold) -> None:
        super().__init__()
        self.fold = fold


def _sound(fold: Fold) -> Fold:
    if fold.failures:
        raise _SomeFailed(fold)
    return fold


async def _fold(flow: Flow, state: State, inputs: Sequence[Input]) -> Fold:
    fold = Fold(flow, state)
    turn = monotonic()
    for item in inputs:
        fold.take(item)
        if monotonic() - turn > TURN_SECONDS:
            await asyncio.sleep(0)
            turn = monotonic()
    return fold
