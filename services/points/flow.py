"""The one path of points: load, decide, save."""

from typing import Final

from services.points.decide import conclude, decide
from services.points.store import load_batch, save_batch
from shared.flow import Flow

FLOW: Final = Flow(load_batch, decide, save_batch, conclude)
