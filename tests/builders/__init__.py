"""Events as tests want them: keyword defaults, one file per topic."""
