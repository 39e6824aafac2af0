"""The event that tells operators of a quarantined record."""
