"""Rules of live pages: what of an event is told to whom."""
