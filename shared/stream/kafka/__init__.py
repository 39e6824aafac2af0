"""The event log on Kafka, by aiokafka.

Settings that differ from the library's defaults have a reason each (beside them). Kafka's own
offsets and transactions are not used for correctness: the position is in the service's database.
"""

from shared.stream.kafka import mending as mending
