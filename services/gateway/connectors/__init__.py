"""The storefronts' dialects, one pure file each."""

from types import ModuleType
from typing import Final

from services.gateway.connectors import generic

CONNECTORS: Final[dict[str, ModuleType]] = {"generic": generic}
"""By the `source` of a connection."""
