"""Records that nobody can use, among good ones: set aside one by one, nothing stops."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

import pytest
from msgspec.structs import replace

from shared.events.codec import MAX_BYTES
from shared.ids import derive
from shared.stream.port import MAX_RECORD_BYTES, Message
from tests.bench import workload
from tests.faults.ground import Ground, Site
from tests.faults.load import Appending
from tests.faults.rig import Rig, running

pytestmark = pytest.mark.timeout(300)
QUARANTINE = 'select event_id, class, reason, topic, "offset" from points.quarantine'
LARGE_MB = 120.0
"""What a worker may grow by while it reads a hundred records of the greatest size."""


@pytest.fixture(scope="module")
def running_rig(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Points on an installation of its own."""
    with ground.site(tmp_path_factory.mktemp("poison"), ground.members) as site:
        with site.other() as other:
            other.run("alter table points.purchase add check (order_no not like 'REFUSED%')")
        with running(site) as rig:
            yield rig


@pytest.fixture
def rig(running_rig: Rig) -> Rig:
    """The rig; before each case its quarantine is empty."""
    running_rig.site.wait_quiet(["points"])
    with running_rig.site.other() as other:
        other.run("truncate points.quarantine")
    return running_rig


def poison(told: workload.Told, kind: str) -> Message:
    """A record of its own that is bad in one way; only `conflict` has the id of a good one."""
    good = told.message()
    match kind:
        case "undecodable":
            return replace(good, value=good.value[:-1], digest=None)
        case "invalid":
            return replace(good, value=good.value.replace(b'"1.0"', b'"0.9"'), digest=None)
        case "conflict":
            sale = replace(told.sale, lines=(*told.sale.lines, 100_000))
            return workload.Told(sale).message()
        case "failed":  # the database alone refuses it, by a rule that no program knows
            sale = replace(told.sale, number=10_000_000 + told.sale.number)
            encoded = workload.bought(sale)
            data = replace(encoded.data, order_no=f"REFUSED-{sale.number}")
            return workload._encoded("gateway", replace(encoded, data=data))
        case "large":  # but for its size it is sound
            sale = replace(told.sale, number=20_000_000 + told.sale.number)
            sound = workload._encoded("gateway", workload.bought(sale))
            return replace(sound, value=sound.value[:-1] + b" " * MAX_BYTES + b"}", digest=None)
    raise AssertionError(kind)


def mixed(good: Sequence[workload.Told], bad: Sequence[Message]) -> list[Message]:
    """Bad records among good ones, each behind its share of them."""
    each = len(good) // max(1, len(bad))
    parts = [
        [told.message() for told in good[start : start + each]]
        for start in range(0, len(good), each)
    ]
    spread = [[record] for record in bad] + [[]] * len(parts)
    return [*chain.from_iterable(chain(*pair) for pair in zip(parts, spread, strict=False))]


def tell(site: Site, messages: Sequence[Message]) -> None:
    """Let the log take these."""
    with Appending(site, messages) as load:
        load.finish()


def classes(site: Site) -> Counter[str]:
    """How many records are set aside, by class."""
    return Counter(row["class"] for row in site.rows(QUARANTINE))


def test_one_per_cent_of_poison_of_four_classes_is_set_aside_and_all_else_applied(
    rig: Rig,
) -> None:
    """Each bad record is in quarantine with its reason; the operator is told on the log."""
    good = rig.next(4_000)
    orders = [told for told in good if told.back_at is None and told.sale.back is None]
    kinds = ("undecodable", "invalid", "conflict", "failed")
    bad = [poison(orders[5 * n], kinds[n % 4]) for n in range(40)]
    tell(rig.site, mixed(good, bad))
    rig.right()
    rows = rig.site.rows(QUARANTINE)
    assert classes(rig.site) == dict.fromkeys(kinds, 10)
    assert all(row["reason"] for row in rows)
    failed = {row["event_id"] for row in rows if row["class"] == "failed"}
    assert failed == {record.id for n, record in enumerate(bad) if kinds[n % 4] == "failed"}
    for kind in kinds:
        assert rig.worker.figure("quarantine_total", **{"class": kind}) >= 10


@pytest.mark.parametrize("place", [0, 249, 499], ids=["first", "middle", "last"])
def test_the_one_record_that_only_the_database_refuses_is_found(rig: Rig, place: int) -> None:
    """Its batch is parted until it stands alone; order and neighbours stay."""
    good = rig.next(500)
    record = poison(good[place], "failed")
    messages = [told.message() for told in good]
    messages.insert(place, record)
    tell(rig.site, messages)
    rig.right()
    (row,) = rig.site.rows(QUARANTINE)
    assert (row["class"], row["event_id"]) == ("failed", record.id)


def test_events_that_are_sound_but_too_large_are_set_aside(rig: Rig) -> None:
    """The log takes up to 1 MiB, an event may have 256 KiB; those beside them are applied."""
    good = rig.next(300)
    orders = [told for told in good if told.back_at is None and told.sale.back is None]
    tell(rig.site, mixed(good, [poison(told, "large") for told in orders[:3]]))
    rig.right()
    rows = rig.site.rows(QUARANTINE)
    assert [row["class"] for row in rows] == ["undecodable"] * 3
    assert all(f"at most {MAX_BYTES}" in row["reason"] for row in rows)


def test_large_and_deeply_nested_records_are_set_aside_and_memory_stays_flat(rig: Rig) -> None:
    with rig.loading(500):
        pass
    before = rig.worker.resident_mb
    good = rig.next(2_000)
    key, lists = good[0].message().key, b"[" * 100_000
    bad = [
        raw
        for n in range(20)
        for raw in (
            b'{"specversion":"1.0","data":"' + b"x" * (MAX_RECORD_BYTES - 64) + b'"}',
            b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
            lists + b"]" * len(lists) if n % 2 else lists,
        )
    ]
    own = [Message(key, derive("poison", str(n)), raw) for n, raw in enumerate(bad)]
    tell(rig.site, mixed(good, own))
    rig.right()
    assert classes(rig.site) == {"undecodable": len(bad)}
    assert rig.worker.resident_mb < before + LARGE_MB
