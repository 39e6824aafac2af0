"""The canary scan: are given phones, names or mails anywhere in the clear? Looks, never repairs.

In every table of every schema (as text, inside bytes, inside JSON with escapes), in every record of
the log, dead letters among them, and in files. What was found is told by place and by the number of
the needle, never by the needle itself.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from shared.config import Config
from shared.db.contents import Held, list_tables
from shared.db.engine import PATIENT, Database
from shared.db.transaction import Tx, snapshot
from shared.errors import Misconfigured
from shared.events.catalogue import topics
from shared.rebuild.records import Records
from shared.service import Service
from shared.stream.factory import open_stream
from shared.stream.port import Partition, Stream

SHORTEST: Final = 4
"""Shorter needles are everywhere by chance."""
RECORDS: Final = 500
_BLOCK: Final = 1 << 20
_DATABASES: Final = frozenset({"pg", "kafka"})
"""Folders of servers, whose tables and topics are looked at by asking them."""


class Needle(Struct, frozen=True):
    """Something to look for, in the forms in which it may be kept."""

    number: int
    forms: tuple[bytes, ...]

    @property
    def texts(self) -> list[str]:
        """What a row's text holds where a column holds the needle: plain, or bytes as hex."""
        plain = [form.decode() for form in self.forms]
        return [*plain, *(form.hex() for form in self.forms)]

    def within(self, content: bytes) -> bool:
        """Whether bytes hold it."""
        return any(form in content for form in self.forms)


class Found(Struct, frozen=True):
    """A place that holds a needle."""

    place: str
    """`table members.contact.sealed`, `topic storefront/3`, `file worker.log`."""
    needle: int
    count: int


def needles(given: Iterable[str]) -> list[Needle]:
    """What is to be looked for. Raises Misconfigured for none, and for one that is too short."""
    found = []
    for number, text in enumerate(given, 1):
        if len(text) < SHORTEST and text.isascii():
            raise Misconfigured(f"needle {number} is shorter than {SHORTEST} characters")
        variants = dict.fromkeys((text, text.casefold(), text.upper()))
        forms = dict.fromkeys(
            form
            for variant in variants
            for form in (variant.encode(), json.dumps(variant)[1:-1].encode())
        )
        found.append(Needle(number, tuple(forms)))
    if not found:
        raise Misconfigured("name what to look for: --needle or --from")
    return found


async def scan(
    services: Sequence[Service], config: Config, wanted: Sequence[Needle], files: Iterable[Path]
) -> list[Found]:
    """Every place that holds a needle."""
    found = []
    for url in dict.fromkeys(config.database_url_of(service.name) for service in services):
        found += await _database(url, wanted)
    async with open_stream(config) as stream:
        found += await _log(stream, wanted)
    for path in files:
        found += _file(path, wanted)
    return found


def files_of(config: Config) -> Iterator[Path]:
    """Files of an installation's data: logs, states. Keys are random, and none are read."""
    if not config.data_dir.is_dir():
        return
    for path in sorted(config.data_dir.rglob("*")):
        inside = path.relative_to(config.data_dir).parts
        if path.is_file() and inside[0] not in _DATABASES and config.keys_dir not in path.parents:
            yield path


async def _database(url: str, wanted: Sequence[Needle]) -> list[Found]:
    """All tables of all schemas, as their owner sees them."""
    found = []
    owner = Database("public", url, worker=False, size=1, also={**PATIENT, "role": "none"})
    async with owner, snapshot(owner) as tx:
        for table in await list_tables(tx):
            for needle in wanted:
                found += await _table(tx, table, needle)
    return found


async def _table(tx: Tx, table: Held, needle: Needle) -> list[Found]:
    """A table read once; where it holds something, its columns one by one."""
    if not await _count(tx, table, "t", needle):
        return []
    counts = {name: await _count(tx, table, f't."{name}"', needle) for name in table.columns}
    return [
        Found(f"table {table.name}.{name}", needle.number, count)
        for name, count in counts.items()
        if count
    ]


async def _count(tx: Tx, table: Held, what: str, needle: Needle) -> int:
    row = await tx.fetch_one(
        f"select count(*) from {table.quoted} t where {_holds(what)}", needle.texts
    )
    assert row is not None
    return int(row[0])


def _holds(what: str) -> str:
    # A row's text doubles backslashes: those of escapes in a needle are looked for either way.
    return (
        f"exists (select from unnest($1::text[]) n where strpos({what}::text, n) > 0 "
        f"or strpos({what}::text, replace(n, '\\', '\\\\')) > 0)"
    )


async def _log(stream: Stream, wanted: Sequence[Needle]) -> list[Found]:
    """All records that the log still has, their keys too."""
    names = [topic.name for topic in topics()]
    known = await stream.partitions(names)
    there = [name for name in names if name in known]
    subscription = await stream.subscribe(None, there, "", lambda: None)
    try:
        records = Records(subscription)
        ends = await subscription.end_of(subscription.assigned())
        found = []
        for partition, end in sorted(ends.items()):
            start = await subscription.start_of(partition)
            found += await _partition(records, partition, range(start, end), wanted)
        return found
    finally:
        await subscription.close(2.0)


async def _partition(
    records: Records, partition: Partition, offsets: range, wanted: Sequence[Needle]
) -> list[Found]:
    counts: Counter[int] = Counter()
    for at in offsets[::RECORDS]:
        for record in await records.take(partition, at, min(at + RECORDS, offsets.stop)):
            content = record.key.encode() + b"\0" + record.value
            counts.update(needle.number for needle in wanted if needle.within(content))
    place = f"topic {partition[0]}/{partition[1]}"
    return [Found(place, number, count) for number, count in sorted(counts.items())]


def _file(path: Path, wanted: Sequence[Needle]) -> Iterator[Found]:
    """A file, block by block; a needle may lie across two."""
    longest = max(len(form) for needle in wanted for form in needle.forms)
    held: set[int] = set()
    with path.open("rb") as file:
        before = b""
        while block := file.read(_BLOCK):
            content = before + block
            held |= {needle.number for needle in wanted if needle.within(content)}
            before = content[-longest:]
    yield from (Found(f"file {path}", number, 1) for number in sorted(held))
