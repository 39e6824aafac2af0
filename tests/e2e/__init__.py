"""Real processes, as an operator runs them: the story, the demo, the examples."""
