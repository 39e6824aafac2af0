"""Members: customers, members, the links between them, tiers as a timeline of facts."""

NAME = "members"
"""Of the service, its schema and its topic."""
