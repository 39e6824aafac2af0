"""What shoppers see of themselves, and ask of their own; the gateway knows who they are."""
