"""Details that notifications point to, asked for at the platforms, and what is pulled there."""
