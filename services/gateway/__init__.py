"""The gateway: programs, storefront connections, intake of webhooks, keys, the way to the services."""

NAME = "gateway"
"""Of the service and its schema."""
