"""News for pages that are open: what happens in a program, told as it comes on the log."""
