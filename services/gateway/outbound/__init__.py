"""Outgoing webhooks: endpoints of merchants, and what is sent to them."""
