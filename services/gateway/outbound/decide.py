"""What an input makes of messages: an event new ones, the end of a day's sweep old ones go.

Nothing is announced because of an event that is handed on: the rows are all.
"""

from collections.abc import Sequence

from services.gateway.outbound.model import OutboundState, Outdated
from services.gateway.outbound.rules.forwarding import messages_of
from shared.events.envelope import Event
from shared.flow import Due, Row


def forward(state: OutboundState, event: Event) -> Sequence[Row]:
    """The messages that an event makes."""
    program = state.programs[event.program]
    return messages_of(event, state.subscribers.get(program.id, ()))


def forget(state: OutboundState, due: Due) -> Row:
    """A message that was kept long enough."""
    return Outdated(state.programs[due.program].id, due.key)
