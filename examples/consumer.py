"""Prints every member's balance as it changes: a consumer of the topic `points` in Kafka.

KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 python examples/consumer.py
"""

import asyncio
import json
import os

from aiokafka import AIOKafkaConsumer


async def main() -> None:
    """Read from the oldest record on; delivery is at least once, so skip versions seen before."""
    topic = os.environ.get("SHUKE_TOPIC_PREFIX", "shuke.") + "points"
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    versions: dict[tuple[str, str], int] = {}
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=servers, group_id="my-balances", auto_offset_reset="earliest"
    ) as consumer:
        async for record in consumer:
            event = json.loads(record.value)
            data = event["data"]
            wallet = (data["member_id"], data["wallet"])
            if event["type"] == "shuke.points-changed.v1" and data["version"] > versions.get(
                wallet, 0
            ):
                versions[wallet] = data["version"]
                print(data["member_id"], data["wallet"], data["balance"], flush=True)


asyncio.run(main())
