"""Whether the module is shown, and what it says."""
