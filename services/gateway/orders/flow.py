"""The one path of remembered orders: load, decide, save."""

from typing import Final

from services.gateway.orders.decide import decide
from services.gateway.orders.store import load_batch, save_batch
from shared.flow import Flow

FLOW: Final = Flow(load_batch, decide, save_batch)
