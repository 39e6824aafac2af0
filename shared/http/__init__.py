"""HTTP plumbing that every service shares: app, tokens, problems, pages, idempotency."""
