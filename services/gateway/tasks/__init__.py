"""What the gateway's worker does besides its batches: it waits for platforms, and for time."""
