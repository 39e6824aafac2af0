"""The event log: one port, two implementations, one contract suite."""
