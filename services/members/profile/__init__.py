"""What is known of a person: kept sealed under a key of their own, shown masked."""
