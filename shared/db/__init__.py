"""The database: pools, the one transaction, bulk writes, and the tables of the mechanism."""
