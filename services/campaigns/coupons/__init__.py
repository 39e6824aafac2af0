"""Coupons: templates, coupons with their states and history, limits. An aggregate of campaigns."""
