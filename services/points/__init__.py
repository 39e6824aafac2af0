"""Points: wallets, lots, an append-only ledger, earning and taking back."""

NAME = "points"
"""Of the service, its schema and its topic."""
