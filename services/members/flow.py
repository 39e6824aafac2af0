"""The one path of members: load, decide, save. `service.py` stands above the routes, this below."""

from typing import Final

from services.members.decide import conclude, decide
from services.members.store import load_batch, save_batch
from shared.flow import Flow

FLOW: Final = Flow(load_batch, decide, save_batch, conclude)
