"""Events about members: joining, links to customers, tiers."""
