"""When a tab is reviewed, what it must have, and what its states are."""
