"""The module on a shop's own page: what it shows to whom."""
