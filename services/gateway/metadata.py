"""The metadata that the tables of the gateway and of its aggregates share."""

from typing import Final

from sqlalchemy import MetaData

from shared.schema import service_metadata

METADATA: Final[MetaData] = service_metadata()
