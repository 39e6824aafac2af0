"""The one path of campaigns: load, decide, save."""

from typing import Final

from services.campaigns.decide import decide
from services.campaigns.store import load_batch, save_batch
from shared.flow import Flow

FLOW: Final = Flow(load_batch, decide, save_batch, counters=True)
