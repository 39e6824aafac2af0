"""Deliveries as they came and what became of them: recorded, kept, read again, forgotten."""
