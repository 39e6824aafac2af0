"""Settings: a program's rules as versioned documents: draft, published, in force from then on."""
