"""Programs and their stores: made here, changed here, told to every service."""
