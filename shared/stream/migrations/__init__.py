"""Migrations of the log's schema."""
