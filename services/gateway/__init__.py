"""The gateway: programs, storefront connections, webhooks, keys, the way to the services."""

NAME = "gateway"
"""Of the service and its schema."""
