"""What the tasks of the gateway ask again and again, over tables that have grown: by index."""

from datetime import timedelta
from uuid import UUID

from services.gateway.deliveries import store as deliveries
from services.gateway.fetching import store as fetching
from services.gateway.fetching.model import OPEN, OVERTAKEN, Wanted
from shared.clock import system
from shared.db.transaction import Tx, transaction
from shared.random_ids import first_of, uuid7
from shuke.services import SERVICES
from tests.flow.harness import harness
from tests.store.plans import Explaining, nodes, scanned_or_looped

ROWS = 20_000
FEW = ("program", "body_key", "replay", "replay_item")
"""Tables with a few rows per program or day, which are cheaper to read whole."""
GROWN = {
    "delivery": """
        {program}, md5('delivery' || n)::uuid, '{connection}'::uuid,
        now() - n * interval '1 minute',
        'id-' || n, 'order-paid', case when n % 100 = 0 then 'waiting' else 'published' end, null,
        md5('event' || n)::uuid, decode(md5('content' || n), 'hex'), null, 1, n, 0, 1
        """,
    "delivery_body": """
        {program}, md5('delivery' || n)::uuid, current_date - n % 40,
        case when n % 10 = 0 then 30 else 7 end, decode(md5('body' || n), 'hex')
        """,
    "wanted": """
        {program}, '{connection}'::uuid, 'order', 'E-' || n, '', 0,
        case when n % 1000 = 0 then 0 else 1 end, now() - n * interval '1 minute', 1, now(),
        md5('delivery' || n)::uuid
        """,
    "pull": """
        {program}, md5('connection' || n)::uuid, 'changes', now() + n * interval '1 minute',
        now(), null, 0
        """,
    "known_order": """
        {program}, md5('order' || n)::uuid, 'cus_1', now() - n * interval '1 hour'
        """,
}
"""Rows by table, the n-th of each."""


async def grow(tx: Tx, program: int, connection: UUID) -> None:
    """Fill the tables."""
    for table, values in GROWN.items():
        row = values.format(program=program, connection=connection)
        await tx.execute(f"insert into {table} select {row} from generate_series(1, {ROWS}) n")
        await tx.execute(f"analyze {table}")


async def test_no_task_scans_a_table_that_grows(fresh_database: str) -> None:
    service, now = SERVICES["gateway"], system()
    connection = uuid7(now)
    async with harness(service, fresh_database) as told:
        program = told.program.id
        async with transaction(told.database) as tx:
            await grow(tx, program, connection)
        async with transaction(told.database) as tx:
            explaining = Explaining(tx)
            key = (program, connection, "order", "E-7")
            wanted = Wanted(*key, "", "", 1, OPEN, now, 0, now, uuid7(now))
            assert len(await fetching.claim_wanted(explaining, now, now, 8)) == 8
            assert await fetching.lock_wanted(explaining, [key])
            await fetching.put_wanted(explaining, [wanted])
            await fetching.note_overtaken(explaining, [(program, uuid7(now))], OVERTAKEN)
            assert await fetching.claim_pulls(
                explaining, now + timedelta(hours=1), now, 4, "changes"
            )
            event = UUID(bytes=b"\1" * 16)
            assert list(await deliveries.find_told(explaining, [(program, event)])) == []
            assert await deliveries.find_body(explaining, program, event) is None
            await deliveries.forget_bodies(explaining, 7, now.date(), 100)
            await deliveries.forget_deliveries(explaining, first_of(now), 100)
            await deliveries.fail_waiting(explaining, first_of(now), "order-unknown", 100)
            await deliveries.forget_orders(explaining, (0, UUID(int=0)), now, 100)
    assert len(explaining.plans) == 13
    assert scanned_or_looped(explaining.plans, FEW) == []
    read = {
        node["Index Name"] for _, plan in explaining.plans for node in nodes(plan)
        if "Index Name" in node
    }  # fmt: skip
    indexes = {"wanted_due_idx", "pull_due_idx", "delivery_event_idx", "delivery_body_day_idx"}
    assert read >= indexes | {"delivery_waiting_idx"}
