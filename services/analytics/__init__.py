"""Analytics: facts of orders, refunds, points and activity; daily figures; RFM."""

NAME = "analytics"
"""Of the service, its schema and its topic."""
