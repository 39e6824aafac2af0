"""What the gateway remembers of orders: whose they are, what waits for them, when they complete."""
