"""Campaigns: what a merchant promises for a time, and the coupons that keep the promise."""

NAME = "campaigns"
"""Of the service, its schema and its topic."""
