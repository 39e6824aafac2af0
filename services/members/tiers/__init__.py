"""Tiers: ladders as settings, facts, and the timeline derived from both."""
