"""Settings: a program's rules as versioned documents. Draft, published, in force from an instant."""
