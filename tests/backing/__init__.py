"""What tests stand on: a real PostgreSQL, a real Kafka, found or started."""
