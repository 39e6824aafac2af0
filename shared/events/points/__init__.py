"""Events about points: every ledger entry."""
