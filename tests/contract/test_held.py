"""What is held about a member is told whole: no table that names a person is forgotten."""

import importlib

import pytest
from sqlalchemy import MetaData

NAMING = {"member_id", "customer_id", "holder_id", "subject_id"}
"""Columns that name a person."""
SEALED = {
    "contact": "opened, as `profile`",
    "contact_block": "opened by a task within seconds, then as `profile`",
    "subject_key": "keys, which are nobody's data",
    "access_file": "the export itself",
}
UNDATED = {"rfm_tie": "an order of names among equals, made anew from fact_order each day"}
EXEMPT = SEALED | UNDATED


@pytest.mark.parametrize("service", ["members", "points", "campaigns", "analytics"])
def test_every_table_that_names_a_person_is_told(service: str) -> None:
    """By each of its columns that does; and nothing is named that there is not."""
    tables = importlib.import_module(f"services.{service}.tables")
    importlib.import_module(f"services.{service}.service")
    meta: MetaData = tables.METADATA
    naming = {
        table.name: set(table.c.keys()) & NAMING
        for table in meta.tables.values()
        if set(table.c.keys()) & NAMING and table.name not in EXEMPT
    }
    assert {name: set(columns) for name, columns in tables.HELD.items()} == naming
