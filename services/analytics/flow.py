"""The one path of analytics: load, decide, save."""

from typing import Final

from services.analytics.decide import conclude, decide
from services.analytics.store import load_batch, save_batch
from shared.flow import Flow

FLOW: Final = Flow(load_batch, decide, save_batch, conclude)
