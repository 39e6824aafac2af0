"""The schema of a service: the mechanism's tables beside its own, and its migrations."""

from pathlib import Path

from sqlalchemy import MetaData

from shared.audit.chain import audit_chain
from shared.audit.deeds import audit_entry, audit_todo
from shared.commands import command
from shared.db.deletions import deletion
from shared.db.inbox import inbox, inbox_month
from shared.db.journal import journal
from shared.db.mechanism import APPEND_ONLY_4
from shared.db.migrate import Schema
from shared.db.outbox import outbox
from shared.db.parking import parked
from shared.db.positions import consumer_offset, resumption
from shared.db.programs import program, store
from shared.db.quarantine import quarantine
from shared.db.sweep_rows import sweep
from shared.db.tables import metadata
from shared.db.verification import verification
from shared.settings.store import settings


def service_metadata() -> MetaData:
    """Metadata of a service, with the tables that every service has."""
    meta = metadata()
    for table in (
        program, store, consumer_offset, resumption, journal, inbox, inbox_month, outbox,
        quarantine, parked, verification, command, sweep, settings, audit_entry, audit_todo,
        audit_chain, deletion,
    ):  # fmt: skip
        table(meta)
    return meta


def service_schema(name: str, folder: Path, meta: MetaData, append_only: tuple[str, ...]) -> Schema:
    """The schema of a service.

    `append_only` names its tables that the application role may only insert into and read.
    """
    return Schema(name, folder, meta, (*APPEND_ONLY_4, *append_only))
