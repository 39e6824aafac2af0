"""Tests by level, then by service. See README.md here."""
