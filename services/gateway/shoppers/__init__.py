"""Shoppers at the member centre: how they prove who they are, and what they do for themselves."""
