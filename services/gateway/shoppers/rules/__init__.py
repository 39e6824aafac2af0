"""How a shopper proves who they are, and for how long it holds. Pure."""
