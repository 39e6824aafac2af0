"""The audit log: who did what to what, why and from where; never a personal value."""
